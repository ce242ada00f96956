import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createWorker, OEM, type Worker } from 'tesseract.js';
import { ServiceError } from './errors.js';

export type Mode = 'fast' | 'accurate';

export interface RecognizedPage {
  readonly text: string;
  /** 0 to 1. */
  readonly confidence: number;
  readonly words: readonly {
    readonly text: string;
    readonly confidence: number;
    /** x0, y0, x1, y1 in pixels. */
    readonly box: readonly [number, number, number, number];
  }[];
}

/** Both sets of data lie in the same package: nothing is ever fetched. `accurate` asks the older engine too and weighs both. */
const MODES = {
  fast: { data: '4.0.0_best_int', engine: OEM.LSTM_ONLY },
  accurate: { data: '4.0.0', engine: OEM.TESSERACT_LSTM_COMBINED },
} as const;
const MAX_WAITING = 16;
/** An engine keeps a few hundred MB: given back when nobody asks. */
const IDLE_MS = 5 * 60_000;
const WORDS_LIMIT = 5_000;

/** tesseract (the wasm build) in a worker thread a mode, made at the first picture; one picture at a time in each. */
export class OcrEngine {
  readonly #threads = { fast: new Thread('fast'), accurate: new Thread('accurate') };

  /** A picture that comes as a function is made in its turn. Throws `ServiceError`: 429 when too many wait, 422 for a picture that cannot be read. An abort ends the engine's work at once. */
  recognize(picture: Buffer | (() => Buffer), mode: Mode, signal: AbortSignal): Promise<RecognizedPage> {
    return this.#threads[mode].run(picture, signal);
  }
}

class Thread {
  readonly #mode: Mode;
  #worker: Promise<Worker> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(mode: Mode) {
    this.#mode = mode;
  }

  async run(picture: Buffer | (() => Buffer), signal: AbortSignal): Promise<RecognizedPage> {
    if (this.#waiting >= MAX_WAITING)
      throw new ServiceError(429, 'busy', `${MAX_WAITING} pictures wait already`, 1);
    this.#waiting++;
    clearTimeout(this.#idle);
    const before = this.#last;
    const turn = (async () => {
      await before.catch(() => undefined);
      signal.throwIfAborted();
      return this.#recognize(typeof picture === 'function' ? picture() : picture, signal);
    })();
    this.#last = turn;
    try {
      return await turn;
    } finally {
      this.#waiting--;
      if (this.#waiting === 0) this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref();
    }
  }

  async #recognize(picture: Buffer, signal: AbortSignal): Promise<RecognizedPage> {
    this.#worker ??= startWorker(this.#mode);
    const worker = await this.#worker.catch((error: unknown) => {
      this.#worker = undefined;
      throw error;
    });
    let leave: (() => void) | undefined;
    const gone = new Promise<never>((_resolve, reject) => {
      // Nothing else stops a picture half way: the thread is ended, the next picture gets a new one.
      leave = () => {
        this.#end();
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      const recognized = worker.recognize(picture, {}, { text: true, blocks: true });
      recognized.catch(() => undefined);
      return pageOf((await Promise.race([recognized, gone])).data);
    } catch (error) {
      signal.throwIfAborted();
      // What a damaged picture leaves behind in the engine is nobody's business: it starts anew.
      this.#end();
      throw new ServiceError(
        422,
        'unreadable_media',
        `the picture cannot be read: ${String(error).slice(0, 200)}`,
      );
    } finally {
      if (leave) signal.removeEventListener('abort', leave);
    }
  }

  #end(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.then((ended) => ended.terminate()).catch(() => undefined);
  }
}

function startWorker(mode: Mode): Promise<Worker> {
  const { data, engine } = MODES[mode];
  const folder = dirname(createRequire(import.meta.url).resolve('@tesseract.js-data/eng/package.json'));
  return createWorker('eng', engine, {
    langPath: join(folder, data),
    cacheMethod: 'none',
    gzip: true,
    // Without one the library throws where nobody can catch it.
    errorHandler: () => undefined,
  });
}

type PageData = Awaited<ReturnType<Worker['recognize']>>['data'];

function pageOf(data: PageData): RecognizedPage {
  const lines = (data.blocks ?? []).flatMap(({ paragraphs }) =>
    paragraphs.flatMap((paragraph) => paragraph.lines),
  );
  const words = lines.flatMap((line) => line.words).slice(0, WORDS_LIMIT);
  return {
    text: data.text.trim(),
    confidence: share(data.confidence),
    words: words.map(({ text, confidence, bbox: { x0, y0, x1, y1 } }) => ({
      text,
      confidence: share(confidence),
      box: [x0, y0, x1, y1],
    })),
  };
}

const share = (percent: number): number => Math.round(Math.min(100, Math.max(0, percent))) / 100;

import { ServiceError } from './errors.js';
import { type Recognized, recognizeSpeech } from './recognizeSpeech.js';
import { cachedPrograms, type FetchOptions, fetchPrograms, type SpeechPrograms } from './speechPrograms.js';

export interface SpeechAsk {
  readonly mime: string;
  readonly bytes: Buffer;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

const DECODED = new Set(['audio/wav', 'audio/flac', 'audio/ogg', 'audio/mpeg']);
const RETRY_AFTER_SECONDS = 2;
/** A fetch that failed is not tried again for every recording that comes. */
const FETCH_AGAIN_MS = 60_000;
const MAX_WAITING = 8;

type State =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'fetching' }
  | { readonly kind: 'ready'; readonly programs: SpeechPrograms }
  | { readonly kind: 'failed'; readonly reason: string; readonly untilMs: number };

/** Debian's pocketsphinx with its English model, fetched into the cache when the first recording comes; one recording at a time. */
export class SpeechEngine {
  readonly #options: FetchOptions;
  #state: State = { kind: 'unknown' };
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: FetchOptions) {
    this.#options = options;
  }

  /** Throws `ServiceError`: 503 while the engine is being fetched, 422 where it cannot be had or the recording is not for it. */
  async transcribe({ mime, bytes, parameters, signal }: SpeechAsk): Promise<Recognized> {
    if (!DECODED.has(mime))
      throw new ServiceError(
        415,
        'unsupported_media',
        `${mime || 'no content-type'}: WAV, FLAC, Ogg and MP3 are heard`,
      );
    const language = parameters['language'] ?? 'en';
    if (typeof language !== 'string' || !/^en(?:-|$)/.test(language))
      throw new ServiceError(
        422,
        'unsupported_language',
        `language: the reference engine knows English only, not "${String(language).slice(0, 20)}"; set ASR_SERVICE_URL for others`,
      );
    const programs = await this.#programs();
    if (this.#waiting >= MAX_WAITING)
      throw new ServiceError(429, 'busy', `${MAX_WAITING} recordings wait already`, 5);
    return this.#inTurn(() => recognizeSpeech(programs, bytes, mime, signal), signal);
  }

  async #inTurn<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#waiting++;
    const before = this.#last;
    const turn = (async () => {
      await before.catch(() => undefined);
      signal.throwIfAborted();
      return work();
    })();
    this.#last = turn;
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }

  async #programs(): Promise<SpeechPrograms> {
    if (this.#state.kind === 'unknown') {
      const programs = await cachedPrograms(this.#options);
      if (programs) this.#state = { kind: 'ready', programs };
    }
    const state = this.#state;
    switch (state.kind) {
      case 'ready':
        return state.programs;
      case 'failed':
        if (Date.now() < state.untilMs)
          throw new ServiceError(
            422,
            'engine_unavailable',
            `pocketsphinx could not be fetched from this machine's package archive (${state.reason}); set ASR_SERVICE_URL to a service of yours, or try again in a minute`,
          );
        break;
      case 'unknown':
        break;
      case 'fetching':
        throw this.#notYet();
    }
    this.#state = { kind: 'fetching' };
    void this.#fetch();
    throw this.#notYet();
  }

  #notYet(): ServiceError {
    return new ServiceError(
      503,
      'engine_loading',
      'speech recognition is being fetched (about 30 MB, once)',
      RETRY_AFTER_SECONDS,
    );
  }

  async #fetch(): Promise<void> {
    try {
      this.#state = { kind: 'ready', programs: await fetchPrograms(this.#options) };
    } catch (error) {
      const reason =
        (error instanceof Error ? error.message : String(error)).split('\n')[0]?.slice(0, 200) ?? '';
      this.#options.say(`speech recognition could not be fetched: ${reason}`);
      this.#state = { kind: 'failed', reason, untilMs: Date.now() + FETCH_AGAIN_MS };
    }
  }
}

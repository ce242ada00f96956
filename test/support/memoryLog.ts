import type { SparkEvent } from '../../src/events/event.js';
import { encodeLogMessage } from '../../src/events/log.js';
import type {
  AcceptedCommand,
  CommandSource,
  DeadLetter,
  DeadLetterAction,
  DeadLetterActionSource,
  DeadLetterSource,
  ImageSource,
  LogMessage,
  LogSource,
} from '../../src/projections/ports.js';
import { STORY_BEGAN_MS } from './story.js';

/** A stream in memory: appended to while it is read. */
class MemoryStream<T> {
  readonly items: { readonly seq: number; readonly item: T }[] = [];
  #wake: (() => void)[] = [];
  createdAt = '2026-03-01T00:00:00.000Z';
  #lastSeq = 0;
  /** How often messages were taken away: a reader finds its place again. */
  #trims = 0;

  append(item: T): number {
    this.#lastSeq++;
    this.items.push({ seq: this.#lastSeq, item });
    this.wake();
    return this.#lastSeq;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  dropBefore(seq: number): void {
    const kept = this.items.filter((entry) => entry.seq >= seq);
    this.items.splice(0, this.items.length, ...kept);
    this.#trims++;
  }

  loseAfter(seq: number): void {
    this.#trims++;
    this.items.splice(this.items.findIndex((entry) => entry.seq > seq));
    this.#lastSeq = seq;
  }

  wake(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  async *after(seq: number, signal: AbortSignal): AsyncGenerator<{ seq: number; item: T }> {
    const onAbort = (): void => this.wake();
    signal.addEventListener('abort', onAbort);
    try {
      let last = seq;
      let trims = -1;
      let at = 0;
      while (!signal.aborted) {
        if (trims !== this.#trims) {
          trims = this.#trims;
          at = this.items.findIndex((entry) => entry.seq > last);
          if (at < 0) at = this.items.length;
        }
        const next = this.items[at];
        if (next === undefined) {
          await new Promise<void>((resolve) => this.#wake.push(resolve));
        } else {
          at++;
          last = next.seq;
          yield next;
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}

export class MemoryLog implements LogSource {
  readonly stream = new MemoryStream<{ tsMs: number; data: Uint8Array }>();
  /** How often `read` was called, and from where. */
  readonly reads: number[] = [];

  append(events: readonly SparkEvent[], tsMs = STORY_BEGAN_MS + this.stream.lastSeq + 1): number {
    return this.stream.append({ tsMs, data: encodeLogMessage(events) });
  }

  appendRaw(data: string): number {
    return this.stream.append({ tsMs: STORY_BEGAN_MS + this.stream.lastSeq + 1, data: Buffer.from(data) });
  }

  async created(): Promise<string> {
    return this.stream.createdAt;
  }

  async firstStreamSeq(): Promise<number> {
    return this.stream.items[0]?.seq ?? this.stream.lastSeq + 1;
  }

  /** As limits of the stream do: everything before this message is gone. */
  dropBefore(streamSeq: number): void {
    this.stream.dropBefore(streamSeq);
  }

  /** As a power cut without strict fsync does: the newest messages were never there, and their numbers are given again. */
  loseAfter(streamSeq: number): void {
    this.stream.loseAfter(streamSeq);
  }

  async lastStreamSeq(): Promise<number> {
    return this.stream.lastSeq;
  }

  async *read(afterStreamSeq: number, signal: AbortSignal): AsyncGenerator<LogMessage> {
    this.reads.push(afterStreamSeq);
    for await (const { seq, item } of this.stream.after(afterStreamSeq, signal)) {
      yield { streamSeq: seq, partition: 3, ...item };
    }
  }
}

export class MemoryImages implements ImageSource {
  readonly bytes = new Map<string, Uint8Array>();
  fetched = 0;

  add(contents: Iterable<readonly [string, Uint8Array]>): void {
    for (const [sha, data] of contents) this.bytes.set(sha, data);
  }

  async fetch(shas: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    this.fetched += shas.length;
    return new Map(
      shas.flatMap((sha) => {
        const data = this.bytes.get(sha);
        return data === undefined ? [] : [[sha, data] as const];
      }),
    );
  }
}

export class MemoryCommands implements CommandSource {
  readonly stream = new MemoryStream<AcceptedCommand>();

  async created(): Promise<string> {
    return this.stream.createdAt;
  }

  async *read(after: number, signal: AbortSignal): AsyncGenerator<AcceptedCommand> {
    for await (const { seq, item } of this.stream.after(after, signal)) {
      yield { ...item, position: { partition: 0, seq, index: 0, count: 1 } };
    }
  }
}

export class MemoryDeadLetters implements DeadLetterSource {
  readonly stream = new MemoryStream<DeadLetter>();

  async created(): Promise<string> {
    return this.stream.createdAt;
  }

  async *read(
    after: number,
    signal: AbortSignal,
  ): AsyncGenerator<{ streamSeq: number; tsMs: number; letter: DeadLetter }> {
    for await (const { seq, item } of this.stream.after(after, signal)) {
      yield { streamSeq: seq, tsMs: STORY_BEGAN_MS + seq, letter: item };
    }
  }
}

export class MemoryDeadLetterActions implements DeadLetterActionSource {
  readonly stream = new MemoryStream<DeadLetterAction>();

  async created(): Promise<string> {
    return this.stream.createdAt;
  }

  async *read(
    after: number,
    signal: AbortSignal,
  ): AsyncGenerator<{ streamSeq: number; tsMs: number; action: DeadLetterAction }> {
    for await (const { seq, item } of this.stream.after(after, signal)) {
      yield { streamSeq: seq, tsMs: STORY_BEGAN_MS + 1_000 + seq, action: item };
    }
  }
}

import { type Clock, pause } from '../core/clock.js';
import { SourceEndedError } from './errors.js';
import type { FlushPace } from './flushPace.js';
import { nextTurn } from './nextTurn.js';
import { Notice } from './notice.js';

export interface IntakeLimits {
  /** A batch of this weight goes at once, however young. */
  readonly flushWeight: number;
  /** No more is read while this much waits: what is not read stays in the stream. */
  readonly maxWeight: number;
  readonly maxBytes: number;
}

const TURN_WEIGHT = 256;

/**
 * Reads a stream ahead of its projection into one bounded buffer, and hands out what has arrived as batches: while one batch is
 * being written, the next one is read and decoded.
 */
export class Intake<T> {
  readonly #limits: IntakeLimits;
  readonly #measure: (item: T) => { weight: number; bytes: number };
  readonly #clock: Clock;
  #items: T[] = [];
  #weight = 0;
  #bytes = 0;
  #ended: { readonly error: unknown } | undefined;
  readonly #changed = new Notice();

  constructor(limits: IntakeLimits, measure: (item: T) => { weight: number; bytes: number }, clock: Clock) {
    this.#limits = limits;
    this.#measure = measure;
    this.#clock = clock;
  }

  /** Reads until the signal aborts; resolves when reading has ended. An error of the source is thrown by `take`. */
  async pump(source: AsyncIterable<T>, signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#changed.notify();
    signal.addEventListener('abort', onAbort, { once: true });
    let inARow = 0;
    try {
      for await (const item of source) {
        const { weight, bytes } = this.#measure(item);
        this.#items.push(item);
        this.#weight += weight;
        this.#bytes += bytes;
        this.#changed.notify();
        // A source with much to give must not keep the transaction under way from its connection.
        inARow += weight;
        if (inARow >= TURN_WEIGHT) {
          inARow = 0;
          await nextTurn();
        }
        while (this.#isFull() && !signal.aborted) await this.#changed.wait();
        if (signal.aborted) break;
      }
      this.#ended = { error: new SourceEndedError('the stream reader ended by itself') };
    } catch (error) {
      this.#ended = { error };
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#changed.notify();
    }
  }

  /** The next batch, in order, when it is due by the pace; undefined when the signal aborted. Throws what the source threw. */
  async take(pace: FlushPace, signal: AbortSignal): Promise<T[] | undefined> {
    while (!signal.aborted) {
      if (this.#items.length > 0) {
        const waitMs = this.#weight >= this.#limits.flushWeight ? 0 : pace.waitMs();
        if (waitMs === 0) {
          pace.spend();
          return this.#takeAll();
        }
        await this.#fullOrAfter(waitMs, signal);
        continue;
      }
      if (this.#ended !== undefined) throw this.#ended.error;
      await this.#changed.wait();
    }
    return undefined;
  }

  /** Waits out the pace; only a full batch is worth ending the wait for. */
  async #fullOrAfter(ms: number, signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    let due = false;
    const timer = pause(this.#clock, ms, waiting.signal).then(() => {
      due = true;
      this.#changed.notify();
    });
    while (!due && !signal.aborted && this.#weight < this.#limits.flushWeight) await this.#changed.wait();
    waiting.abort();
    await timer;
  }

  #takeAll(): T[] {
    const items = this.#items;
    this.#items = [];
    this.#weight = 0;
    this.#bytes = 0;
    this.#changed.notify();
    return items;
  }

  #isFull(): boolean {
    return this.#weight >= this.#limits.maxWeight || this.#bytes >= this.#limits.maxBytes;
  }
}

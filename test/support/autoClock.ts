import type { Clock } from '../../src/core/clock.js';

/** A clock that jumps: as soon as everything else has had its turn, the earliest sleeper wakes and time stands at its hour. */
export class AutoClock implements Clock {
  #nowMs: number;
  #sleepers: { dueMs: number; wake: () => void }[] = [];
  #pumping = false;
  /** Every sleep asked for, ms. */
  readonly slept: number[] = [];

  constructor(startMs = 1_772_359_200_000) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Nobody sleeps. */
  get idle(): boolean {
    return this.#sleepers.length === 0;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(ms);
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const sleeper = {
        dueMs: this.#nowMs + ms,
        wake: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.push(sleeper);
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.#sleepers.sort((left, right) => left.dueMs - right.dueMs);
      const next = this.#sleepers.shift();
      if (!next) return;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.wake();
      if (this.#sleepers.length > 0) this.#pump();
    });
  }
}

/** Waits until `condition` holds, a turn of the event loop at a time; fails after `turns`. */
export async function eventually(condition: () => boolean, what: string, turns = 20_000): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    if (condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`waited ${turns} turns in vain for: ${what}`);
}

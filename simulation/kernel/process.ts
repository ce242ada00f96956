import type { Clock } from '../../src/core/clock.js';
import type { Kernel, Subject, Timer } from './kernel.js';

/** 1 March 2026, 10:00 UTC: where every seed begins. */
export const EPOCH_MS = 1_772_359_200_000;

/**
 * One operating-system process: what happens to it is dropped once it was killed, and waits while it is stopped. A killed one never comes
 * back; whoever takes its place is another process.
 */
export class Process implements Subject {
  readonly name: string;
  readonly kernel: Kernel;
  state: 'running' | 'stopped' | 'dead' = 'running';
  /** How far its wall clock is off. */
  wallOffsetMs = 0;
  readonly clock: Clock;
  #waiting: (() => void)[] = [];

  constructor(name: string, kernel: Kernel) {
    this.name = name;
    this.kernel = kernel;
    this.clock = {
      nowMs: () => EPOCH_MS + kernel.nowMs + this.wallOffsetMs,
      monotonicMs: () => kernel.nowMs,
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  get alive(): boolean {
    return this.state !== 'dead';
  }

  accepts(event: () => void): boolean {
    if (this.state === 'running') return true;
    if (this.state === 'stopped') this.#waiting.push(event);
    return false;
  }

  /** An event of this process. */
  after(delayMs: number, run: () => void): Timer {
    return this.kernel.after(delayMs, run, this);
  }

  /** kill -9. */
  kill(): void {
    this.state = 'dead';
    this.#waiting = [];
  }

  /** SIGSTOP. */
  stop(): void {
    if (this.state === 'running') this.state = 'stopped';
  }

  /** SIGCONT: everything that came meanwhile happens now, in its order. */
  go(): void {
    if (this.state !== 'stopped') return;
    this.state = 'running';
    for (const event of this.#waiting.splice(0)) this.after(0, event);
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const timer = this.after(ms, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      const onAbort = (): void => {
        timer.cancel();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}

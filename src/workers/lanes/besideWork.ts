import { type Clock, pause } from '../../core/clock.js';
import type { LaneQueue } from './laneQueue.js';
import type { Task } from './task.js';

export interface BesideDependencies {
  readonly clock: Clock;
  readonly queue: LaneQueue;
  /** Commands beside the lane at once. */
  readonly maxAtOnce: number;
  /** False while nothing new may begin. */
  open(): boolean;
  /** Runs one to its verdict and settles that; never rejects. */
  runOne(task: Task): Promise<void>;
}

/** The commands of a lane that do not need its editor: several at once, one of a session, whatever the lane itself is doing. */
export class BesideWork {
  readonly #deps: BesideDependencies;
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<void>>();
  #loop: Promise<void> | undefined;
  #wake: AbortController | undefined;

  constructor(deps: BesideDependencies, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Looks whether something may begin now. */
  kick(): void {
    this.#begin();
    this.#wake?.abort();
    if (this.#waitMs() !== undefined) this.#loop ??= this.#sleep();
  }

  async settled(): Promise<void> {
    await this.#loop;
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #begin(): void {
    const { clock, queue, maxAtOnce } = this.#deps;
    while (this.#running.size < maxAtOnce && this.#mayBegin()) {
      const task = queue.take(clock.monotonicMs(), 'beside');
      if (!task) return;
      const run: Promise<void> = this.#deps.runOne(task).finally(() => {
        this.#running.delete(run);
        this.kick();
      });
      this.#running.add(run);
    }
  }

  #mayBegin(): boolean {
    return !this.#signal.aborted && this.#deps.open();
  }

  /** Until the first backoff ends; undefined when nothing but a kick can change anything. */
  #waitMs(): number | undefined {
    if (this.#running.size >= this.#deps.maxAtOnce || !this.#mayBegin()) return undefined;
    const next = this.#deps.queue.nextReadyMs('beside');
    return next === undefined ? undefined : Math.max(1, next - this.#deps.clock.monotonicMs());
  }

  async #sleep(): Promise<void> {
    for (let waitMs = this.#waitMs(); waitMs !== undefined; waitMs = this.#waitMs()) {
      const wake = new AbortController();
      const stop = () => wake.abort();
      this.#signal.addEventListener('abort', stop, { once: true });
      this.#wake = wake;
      await pause(this.#deps.clock, waitMs, wake.signal);
      this.#signal.removeEventListener('abort', stop);
      this.#begin();
    }
    this.#wake = undefined;
    this.#loop = undefined;
  }
}

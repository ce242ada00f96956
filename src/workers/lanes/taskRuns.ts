import type { Clock } from '../../core/clock.js';
import type { CancelRequest } from '../ports.js';
import { cancelledBy, isHarmless, mayCancel } from './cancellation.js';
import { type LaneQueue, useOf } from './laneQueue.js';
import type { FinalVerdict, Task, Verdict } from './task.js';

export interface RunDependencies {
  readonly clock: Clock;
  /** One go at a command. */
  execute(task: Task, signal: AbortSignal): Promise<Verdict>;
  /** Records a final verdict; the lane does not wait for the log. */
  finish(task: Task, verdict: FinalVerdict): void;
  /** A delivered command goes on by itself from now on, or has ended. */
  detached?(change: 1 | -1): void;
  /** Ends ownership: fenced, closed. */
  fatal(error: unknown): void;
}

export const MIN_HOLD_MS = 100;

/** What a lane is working on: each go with a signal of its own, and what becomes of its verdict. */
export class TaskRuns {
  readonly #queue: LaneQueue;
  readonly #deps: RunDependencies;
  readonly #signal: AbortSignal;
  readonly #running = new Set<Task>();
  readonly #detached = new Map<Task, Promise<void>>();
  readonly #aborts = new Map<Task, AbortController>();

  constructor(queue: LaneQueue, deps: RunDependencies, signal: AbortSignal) {
    this.#queue = queue;
    this.#deps = deps;
    this.#signal = signal;
  }

  get running(): readonly Task[] {
    return [...this.#running];
  }

  get detached(): readonly Task[] {
    return [...this.#detached.keys()];
  }

  get size(): number {
    return this.#running.size + this.#detached.size;
  }

  /** One go at a command; afterwards it has ended, goes on by itself, or is back at the head of its session. */
  async go(task: Task): Promise<Verdict> {
    this.#running.add(task);
    const release = this.#chain(task);
    let verdict: Verdict | undefined;
    try {
      verdict = await this.#verdictOf(task);
      this.#take(task, verdict, release);
      return verdict;
    } finally {
      this.#running.delete(task);
      if (verdict?.kind !== 'detached') release();
    }
  }

  /** Asks what runs to stop, where that is safe. What is detached is asked by its own way (a build: its editor). */
  cancel(task: Task, request: CancelRequest): void {
    task.cancel = request;
    if (isHarmless(task)) this.#aborts.get(task)?.abort();
  }

  async settled(): Promise<void> {
    while (this.#detached.size > 0) await Promise.all(this.#detached.values());
  }

  async #verdictOf(task: Task): Promise<Verdict> {
    const signal = this.#aborts.get(task)?.signal ?? this.#signal;
    let verdict: Verdict;
    try {
      verdict = await this.#deps.execute(task, signal);
    } catch (error) {
      if (task.cancel && signal.aborted && !this.#signal.aborted) return cancelledBy(task.cancel);
      throw error;
    }
    const waits = verdict.kind === 'retry' || verdict.kind === 'hold';
    return waits && task.cancel && mayCancel(task) ? cancelledBy(task.cancel) : verdict;
  }

  #take(task: Task, verdict: Verdict, release: () => void): void {
    switch (verdict.kind) {
      case 'completed':
      case 'failed':
        this.#deps.finish(task, verdict);
        this.#queue.free(task.command.sessionId);
        return;
      case 'detached':
        this.#detach(task, verdict.done, release);
        this.#queue.free(task.command.sessionId);
        return;
      case 'retry':
        this.#putBack(task, verdict.afterMs);
        return;
      case 'hold':
        // A command beside the lane holds its own session only.
        this.#putBack(task, useOf(task) === 'beside' ? Math.max(MIN_HOLD_MS, verdict.retryAfterMs) : 0);
    }
  }

  #putBack(task: Task, afterMs: number): void {
    if (afterMs > 0) task.notBeforeMs = this.#deps.clock.monotonicMs() + afterMs;
    this.#queue.putBack(task);
  }

  #detach(task: Task, done: Promise<FinalVerdict>, release: () => void): void {
    const counts = task.origin.kind === 'stream';
    if (counts) this.#deps.detached?.(1);
    const end = done
      .then(
        (verdict) => this.#deps.finish(task, verdict),
        (error: unknown) => {
          // Aborted with its owner: the command stays open for the next one.
          if (!this.#signal.aborted) this.#deps.fatal(error);
        },
      )
      .finally(() => {
        this.#detached.delete(task);
        if (counts) this.#deps.detached?.(-1);
        release();
      });
    this.#detached.set(task, end);
  }

  /** A signal for this task alone, aborted with the lane's. Not by `AbortSignal.any`: it holds what it is made of only weakly. */
  #chain(task: Task): () => void {
    const controller = new AbortController();
    const stop = () => controller.abort(this.#signal.reason);
    if (this.#signal.aborted) stop();
    else this.#signal.addEventListener('abort', stop, { once: true });
    this.#aborts.set(task, controller);
    return () => {
      this.#aborts.delete(task);
      this.#signal.removeEventListener('abort', stop);
    };
  }
}

import type { Clock } from '../core/clock.js';
import { pause } from '../core/clock.js';
import type { Readiness } from './editor.js';
import { LaneQueue } from './laneQueue.js';
import type { ParkedLane } from './parkedLane.js';
import type { ParkedBatch } from './ports.js';
import type { Task, Verdict } from './task.js';

export interface LaneDependencies {
  readonly clock: Clock;
  readonly parked: ParkedLane;
  readonly limits: { readonly parkAfterMs: number; readonly maxHoldPollMs: number };
  /** One go at a command. */
  execute(task: Task, signal: AbortSignal): Promise<Verdict>;
  /** Records a final verdict; the lane does not wait for the log. */
  finish(task: Task, verdict: Extract<Verdict, { kind: 'completed' | 'failed' }>): void;
  readiness(editor: string, signal: AbortSignal): Promise<Readiness>;
  /** Checks a fetched command like a delivered one and hands it back through `enqueue` when it is to run. */
  admitParked(lane: Lane, batch: ParkedBatch): void;
  /** The command lies in the parking now: its delivery can be acknowledged. */
  moved(task: Task): void;
  /** Ends ownership: fenced, closed. */
  fatal(error: unknown): void;
  holding(editor: string, reason: string | undefined): void;
}

/** In memory beyond what runs: below this the lane fetches more of what is parked. */
const REFILL_BELOW = 16;
const MIN_HOLD_MS = 100;

/**
 * One editor's commands: one at a time, sessions in turn. An editor that is away holds its lane without spending attempts; what has
 * waited for long, or is in the way of others, moves to the parking so that no other editor feels it.
 */
export class Lane {
  readonly editor: string;
  readonly #queue = new LaneQueue();
  readonly #deps: LaneDependencies;
  readonly #signal: AbortSignal;
  #running: Task | undefined;
  #loop: Promise<void> | undefined;
  #heldSinceMs: number | undefined;
  #wake: AbortController | undefined;
  #dropped = false;

  constructor(editor: string, deps: LaneDependencies, signal: AbortSignal) {
    this.editor = editor;
    this.#deps = deps;
    this.#signal = signal;
  }

  /** Commands in memory, the running one included. */
  get depth(): number {
    return this.#queue.size + (this.#running ? 1 : 0);
  }

  get hasParked(): boolean {
    return !this.#deps.parked.idle;
  }

  get idle(): boolean {
    return this.depth === 0 && this.#deps.parked.idle;
  }

  /** A newly delivered command: into the queue, or behind what is parked. */
  accept(task: Task): void {
    if (this.#deps.parked.active) this.#park(task);
    else this.enqueue(task);
  }

  enqueue(task: Task): void {
    this.#queue.push(task);
    this.kick();
  }

  /** Makes sure that the loop runs; a sleeping one looks again. */
  kick(): void {
    this.#wake?.abort();
    this.#loop ??= this.#run();
  }

  /** Moves everything that waits out of memory. What runs goes on. */
  parkWaiting(): void {
    const all = this.#queue.removeAll();
    const firstParked = all.findIndex((task) => task.origin.kind === 'parked');
    // What ran while its successors were parked is older than they are: stored now, it would come behind them.
    const { active } = this.#deps.parked;
    const stays = (task: Task, at: number) => task.origin.kind === 'stream' && (active || at < firstParked);
    for (const task of all.filter(stays)) this.#queue.push(task);
    const waiting = all.filter((task, at) => !stays(task, at));
    const parkedSeqs = waiting.flatMap((task) =>
      task.origin.kind === 'parked' ? [task.origin.parkedSeq] : [],
    );
    this.#deps.parked.putBack(parkedSeqs);
    for (const task of waiting) {
      if (task.origin.kind === 'parked') this.#deps.moved(task);
      else this.#park(task);
    }
  }

  /** Drops what waits without settling it: the next owner is given it again. */
  dropWaiting(): void {
    this.#queue.removeAll();
    this.#dropped = true;
    this.#wake?.abort();
  }

  /** Waits until nothing runs any more (after the signal was aborted or the queue was emptied). */
  async settled(): Promise<void> {
    await this.#loop;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#signal.aborted && !this.#dropped) {
        await this.#refill();
        const task = this.#queue.take(this.#deps.clock.monotonicMs());
        if (task) await this.#runOne(task);
        // Nothing may be awaited between this look and the end of the loop: a command that came meanwhile would lie for ever.
        else if (this.#queue.size === 0 && !this.#deps.parked.hasMore) break;
        else await this.#waitForWork();
      }
    } catch (error) {
      if (!this.#signal.aborted) this.#deps.fatal(error);
    } finally {
      this.#loop = undefined;
    }
  }

  async #runOne(task: Task): Promise<void> {
    this.#running = task;
    try {
      const verdict = await this.#deps.execute(task, this.#signal);
      switch (verdict.kind) {
        case 'completed':
        case 'failed':
          this.#released();
          this.#deps.finish(task, verdict);
          return;
        case 'retry':
          task.notBeforeMs = this.#deps.clock.monotonicMs() + verdict.afterMs;
          this.#queue.putBack(task);
          return;
        case 'hold':
          this.#queue.putBack(task);
          this.#running = undefined;
          await this.#hold(verdict.reason, verdict.retryAfterMs);
          return;
      }
    } finally {
      this.#running = undefined;
    }
  }

  /** Sleeps until the editor may be back; long holds move the lane's commands out of the way. */
  async #hold(reason: string, retryAfterMs: number): Promise<void> {
    const { clock, limits } = this.#deps;
    this.#heldSinceMs ??= clock.monotonicMs();
    this.#deps.holding(this.editor, reason);
    let waitMs = Math.max(MIN_HOLD_MS, retryAfterMs);
    while (!this.#signal.aborted && !this.#dropped) {
      if (clock.monotonicMs() - this.#heldSinceMs >= limits.parkAfterMs) this.parkWaiting();
      await pause(clock, Math.min(waitMs, limits.maxHoldPollMs) * (0.75 + Math.random() / 2), this.#signal);
      if (this.#signal.aborted) return;
      const readiness = await this.#deps.readiness(this.editor, this.#signal);
      if (readiness.state === 'ready') return;
      this.#deps.holding(this.editor, readiness.reason);
      waitMs = Math.max(readiness.retryAfterMs, Math.min(waitMs * 1.5, limits.maxHoldPollMs));
    }
  }

  #released(): void {
    if (this.#heldSinceMs === undefined) return;
    this.#heldSinceMs = undefined;
    this.#deps.holding(this.editor, undefined);
  }

  async #refill(): Promise<void> {
    const { parked } = this.#deps;
    while (parked.hasMore && this.#queue.size < REFILL_BELOW && !this.#signal.aborted) {
      const fetched = await parked.fetch();
      for (const command of fetched) this.#deps.admitParked(this, command);
      if (fetched.length === 0) return;
    }
  }

  async #waitForWork(): Promise<void> {
    const next = this.#queue.nextReadyMs();
    // What is parked but could not be read yet (a replica that lags) is asked for again shortly.
    const waitMs = next === undefined ? MIN_HOLD_MS : Math.max(1, next - this.#deps.clock.monotonicMs());
    const wake = new AbortController();
    this.#wake = wake;
    await pause(this.#deps.clock, waitMs, AbortSignal.any([this.#signal, wake.signal]));
    this.#wake = undefined;
  }

  #park(task: Task): void {
    this.#deps.parked.store(task).then(
      () => {
        this.#deps.moved(task);
        this.kick();
      },
      (error) => {
        if (!this.#signal.aborted) this.#deps.fatal(error);
      },
    );
  }
}

import { pause } from '../../core/clock.js';
import type { Readiness } from '../editor.js';
import type { CancelRequest, ParkedBatch } from '../ports.js';
import { BesideWork } from './besideWork.js';
import { cancelledBy, mayCancel } from './cancellation.js';
import { type Crowd, crowdOf, takeForParking } from './laneParking.js';
import { isInDoubt, LaneQueue, useOf } from './laneQueue.js';
import { LaneRefill } from './laneRefill.js';
import type { ParkedLane } from './parkedLane.js';
import type { FinalVerdict, Task } from './task.js';
import { MIN_HOLD_MS, type RunDependencies, TaskRuns } from './taskRuns.js';

export interface LaneDependencies extends RunDependencies {
  readonly parked: ParkedLane;
  readonly limits: {
    readonly parkAfterMs: number;
    readonly maxHoldPollMs: number;
    /** Commands that do not need the editor, at once. */
    readonly maxBesideLane: number;
  };
  readiness(editor: string, signal: AbortSignal): Promise<Readiness>;
  /** Whether an operator has paused the editor: then nothing new begins. A change of mind is told by `kick`. */
  paused(editor: string): boolean;
  /** Checks a fetched command like a delivered one and hands it back through `enqueue` when it is to run. */
  admitParked(lane: Lane, batch: ParkedBatch): void;
  /** The command lies in the parking now: its delivery can be acknowledged. */
  moved(task: Task): void;
  holding(editor: string, reason: string | undefined): void;
}

export const PAUSED_REASON = 'paused by an operator';

/**
 * One editor's commands: one at a time, sessions in turn; those that do not need the editor run beside it. An editor that is away (or
 * paused) holds its lane without spending attempts; what has waited for long, or is in the way of others, moves to the parking so that
 * no other editor feels it.
 */
export class Lane {
  readonly editor: string;
  readonly #queue = new LaneQueue();
  readonly #deps: LaneDependencies;
  readonly #signal: AbortSignal;
  readonly #beside: BesideWork;
  readonly #refill: LaneRefill;
  readonly #runs: TaskRuns;
  #loop: Promise<void> | undefined;
  #heldSinceMs: number | undefined;
  #wake: AbortController | undefined;
  #dropped = false;
  /** Held for long: what comes goes to the parking at once. */
  #parksNewcomers = false;

  constructor(editor: string, deps: LaneDependencies, signal: AbortSignal) {
    this.editor = editor;
    this.#deps = deps;
    this.#signal = signal;
    this.#runs = new TaskRuns(this.#queue, deps, signal);
    this.#refill = new LaneRefill({
      queue: this.#queue,
      parked: deps.parked,
      open: () => !this.#dropped && !signal.aborted,
      admit: (batch) => deps.admitParked(this, batch),
    });
    this.#beside = new BesideWork(
      {
        clock: deps.clock,
        queue: this.#queue,
        maxAtOnce: deps.limits.maxBesideLane,
        open: () => !this.#dropped && !deps.paused(editor),
        runOne: (task) => this.#runBeside(task),
      },
      signal,
    );
  }

  /** Commands in memory, what runs and what is detached included. */
  get depth(): number {
    return this.#queue.size + this.#runs.size;
  }

  /** What is being worked on, in the lane or beside it; what goes on by itself; what waits in memory. For those who only look. */
  look(): { readonly running: Task[]; readonly detached: Task[]; readonly waiting: Task[] } {
    return {
      running: [...this.#runs.running],
      detached: [...this.#runs.detached],
      waiting: this.#queue.tasks(),
    };
  }

  get held(): boolean {
    return this.#heldSinceMs !== undefined;
  }

  get hasParked(): boolean {
    return !this.#deps.parked.idle;
  }

  get idle(): boolean {
    return this.depth === 0 && this.#deps.parked.idle;
  }

  /** A newly delivered command: behind what is parked of its session or, with the editor long away, there too. Not one in doubt: it leads. */
  accept(task: Task): void {
    const away = this.#parksNewcomers && useOf(task) === 'exclusive';
    if (!isInDoubt(task) && this.#deps.parked.takes(task.command, away)) this.#park(task);
    else this.enqueue(task);
  }

  /** Not once what waits was dropped: of what was being read then the younger would pass the older (20 minutes of chaos, seed twenty). */
  enqueue(task: Task): boolean {
    if (this.#dropped) return false;
    this.#queue.push(task);
    this.kick();
    return true;
  }

  kick(): void {
    this.#wake?.abort();
    this.#loop ??= this.#run();
    this.#beside.kick();
  }

  /** Moves everything that waits out of memory (or only what needs the editor). What runs goes on. */
  parkWaiting(what: 'all' | 'exclusive' = 'all'): void {
    for (const sessionId of this.#queue.sessionIds) this.parkSession(sessionId, what);
  }

  parkSession(sessionId: string, what: 'all' | 'exclusive' = 'all'): void {
    const { stored, toStore } = takeForParking(this.#queue, this.#deps.parked, sessionId, what);
    for (const task of stored) this.#deps.moved(task);
    for (const task of toStore) this.#park(task);
  }

  /** Commands that were delivered and wait here, by session: the most first. */
  crowd(): Crowd[] {
    return crowdOf(this.#queue);
  }

  /** Ends what waits and shall not be executed any more, with the verdict it is given. */
  withdraw(verdictOf: (task: Task) => FinalVerdict | undefined): void {
    const gone = this.#queue.withdraw(verdictOf);
    for (const [task, verdict] of gone) this.#deps.finish(task, verdict);
    // Who came behind them may go on.
    if (gone.length > 0) this.kick();
  }

  /** Ends what waits and changed nothing at once, what runs as cancelled where that is safe. False when it is not here. */
  cancel(request: CancelRequest): boolean {
    const isIt = ({ command }: Task) => command.commandId === request.commandId;
    const { running, detached, waiting } = this.look();
    for (const task of [...running, ...detached].filter(isIt)) this.#runs.cancel(task, request);
    for (const task of waiting.filter(isIt)) task.cancel = request;
    this.withdraw((task) => (isIt(task) && mayCancel(task) ? cancelledBy(request) : undefined));
    return [...running, ...detached, ...waiting].some(isIt);
  }

  /** Drops what waits without settling it: the next owner is given it again. Returns it. */
  dropWaiting(): Task[] {
    this.#dropped = true;
    this.#wake?.abort();
    return this.#queue.removeAll();
  }

  /** Waits until nothing occupies the lane any more (after the signal was aborted or the queue was emptied). */
  async drained(): Promise<void> {
    await this.#loop;
    await this.#beside.settled();
    await this.#refill.settled();
  }

  /** Waits for what is detached too, which ends by itself or when the signal is aborted. */
  async settled(): Promise<void> {
    await this.drained();
    await this.#runs.settled();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#signal.aborted && !this.#dropped) {
        const paused = this.#deps.paused(this.editor);
        if (!paused) await this.#refill.run();
        if (this.#signal.aborted || this.#dropped) return;
        const task = paused ? undefined : this.#queue.take(this.#deps.clock.monotonicMs(), 'exclusive');
        if (task) await this.#runOne(task);
        // Nothing may be awaited between this look and the end of the loop: a command that came meanwhile would lie for ever.
        else if (this.#nothingToDo()) break;
        else if (paused) await this.#waitWhilePaused();
        else await this.#waitForWork();
      }
    } catch (error) {
      if (!this.#signal.aborted) this.#deps.fatal(error);
    } finally {
      this.#loop = undefined;
    }
  }

  /** Nothing parked, and nothing here but what runs beside the lane or waits for that: its end kicks the lane. */
  #nothingToDo(): boolean {
    if (this.#deps.parked.hasMore) return false;
    return this.#queue.size === 0 || this.#queue.nextReadyMs('exclusive') === undefined;
  }

  async #runOne(task: Task): Promise<void> {
    const verdict = await this.#runs.go(task);
    // Its session may go on with a command beside the lane.
    this.#beside.kick();
    if (verdict.kind === 'hold') await this.#hold(verdict.reason, verdict.retryAfterMs);
    else if (verdict.kind !== 'retry') this.#released();
  }

  async #runBeside(task: Task): Promise<void> {
    try {
      await this.#runs.go(task);
      // Its session may go on with a command that needs the editor.
      if (!this.#signal.aborted && !this.#dropped) this.kick();
      await this.#refillBeside();
    } catch (error) {
      if (!this.#signal.aborted) this.#deps.fatal(error);
    }
  }

  /** What waits while the editor is paused is in nobody's way: it moves to the parking like that of an editor that is away. */
  async #waitWhilePaused(): Promise<void> {
    this.#heldSinceMs ??= this.#deps.clock.monotonicMs();
    this.#deps.holding(this.editor, PAUSED_REASON);
    this.#parkIfLong();
    await this.#sleep(this.#deps.limits.maxHoldPollMs);
    if (!this.#deps.paused(this.editor)) this.#released();
  }

  /** Sleeps until the editor may be back; long holds move the lane's commands out of the way. */
  async #hold(reason: string, retryAfterMs: number): Promise<void> {
    const { clock, limits } = this.#deps;
    this.#heldSinceMs ??= clock.monotonicMs();
    this.#deps.holding(this.editor, reason);
    let waitMs = Math.max(MIN_HOLD_MS, retryAfterMs);
    while (!this.#signal.aborted && !this.#dropped) {
      await this.#refillBeside();
      this.#parkIfLong();
      await pause(clock, Math.min(waitMs, limits.maxHoldPollMs) * (0.75 + Math.random() / 2), this.#signal);
      if (this.#signal.aborted) return;
      const readiness = await this.#deps.readiness(this.editor, this.#signal);
      if (readiness.state === 'ready') return;
      this.#deps.holding(this.editor, readiness.reason);
      waitMs = Math.max(readiness.retryAfterMs, Math.min(waitMs * 1.5, limits.maxHoldPollMs));
    }
  }

  #parkIfLong(): void {
    const { clock, limits } = this.#deps;
    if (this.#heldSinceMs === undefined || clock.monotonicMs() - this.#heldSinceMs < limits.parkAfterMs)
      return;
    this.#parksNewcomers = true;
    this.parkWaiting('exclusive');
  }

  #released(): void {
    this.#parksNewcomers = false;
    if (this.#heldSinceMs === undefined) return;
    this.#heldSinceMs = undefined;
    this.#deps.holding(this.editor, undefined);
  }

  /** What does not need the editor comes out of the parking whatever the lane itself waits for. */
  async #refillBeside(): Promise<void> {
    if (this.#deps.paused(this.editor) || this.#queue.nextReadyMs('beside') !== undefined) return;
    await this.#refill.run('beside');
  }

  async #waitForWork(): Promise<void> {
    // What is parked but could not be read yet (a replica that lags) is asked for again shortly.
    const next = this.#queue.nextReadyMs('exclusive');
    const waitMs = next === undefined ? MIN_HOLD_MS : Math.max(1, next - this.#deps.clock.monotonicMs());
    await this.#sleep(waitMs);
  }

  /** Until then, the next kick or the end. */
  async #sleep(waitMs: number): Promise<void> {
    if (this.#signal.aborted) return;
    const wake = new AbortController();
    const stop = () => wake.abort();
    this.#signal.addEventListener('abort', stop, { once: true });
    this.#wake = wake;
    await pause(this.#deps.clock, waitMs, wake.signal);
    this.#wake = undefined;
    this.#signal.removeEventListener('abort', stop);
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

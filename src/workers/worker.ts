import { bounded } from '../core/bounded.js';
import { every, pause } from '../core/clock.js';
import { messageOf } from '../core/errors.js';
import { streamMarkOf } from '../core/ids.js';
import type { Service } from '../core/service.js';
import { Dispatcher } from './dispatcher.js';
import { AdaptiveLimit } from './lanes/adaptiveLimit.js';
import { Brake } from './lanes/brake.js';
import { lookForMore } from './lanes/catchUp.js';
import { relieve } from './lanes/relief.js';
import { LogFollower } from './ledger/logFollower.js';
import { Purger } from './ledger/purger.js';
import { WorkerState } from './ledger/workerState.js';
import { claimed, givenAway, isStillOurs, type Owned, type Ownership, strays } from './ownership.js';
import type { WorkerDependencies } from './workerOptions.js';

const HEARTBEAT_MS = 60_000;
const HOUSEKEEPING_MS = 5_000;
const RELIEF_MS = 250;
/** A frozen worker's pull takes as many deliveries as it had asked for: until it is spent, each reset meets it. */
const GAP_PAUSE_MS = 5;
/** How late a deadline may be told. */
const TICK_MS = 500;
/** For appends that are under way at a stop. */
const SETTLE_MS = 1_000;
/** What is taken may wait this long in memory, going by what is finished. */
const TARGET_QUEUE_MS = 2_000;
/** Commands a busy editor, and one more, may have in memory however slow the editors are. */
const LANE_FLOOR = 8;
/** Places kept as done below the floor, for what any worker has parked: blocks that have ended take nothing, 12 MB at most. */
const FLOOR_MARGIN = 100_000_000;

/**
 * Takes commands in order for each editor and brings them to exactly one end. `start` folds the log into the worker's state and keeps
 * it level; `take` claims a partition (fencing every earlier owner), waits until everything before the claim is known, then lets the
 * server deliver whatever is not acknowledged, in order. Being fenced once ends all of it: what was said and not stored is void, and the
 * state would hold it.
 */
export class Worker implements Service {
  readonly name = 'worker';
  readonly #deps: WorkerDependencies;
  readonly #brake: Brake;
  #run: Run | undefined;

  constructor(deps: WorkerDependencies) {
    this.#deps = deps;
    const { maxInflight, queueWatermark } = deps.limits;
    this.#brake = new Brake({
      clock: deps.clock,
      maxInflight,
      watermark: queueWatermark,
      paused: (paused) => deps.listener.paused(paused),
    });
  }

  /** What it holds now: for metrics, status answers and undo plans. Undefined while it owns nothing. */
  get view(): { state: WorkerState; dispatcher: Dispatcher } | undefined {
    return this.#run && this.#run.owned.size > 0 ? this.#run : undefined;
  }

  /** The partitions whose commands it executes, with the epoch of each claim. */
  get claims(): ReadonlyMap<number, number> {
    return new Map([...(this.#run?.owned ?? [])].map(([partition, { log }]) => [partition, log.epoch]));
  }

  /** Whether it knows the log and may take partitions. */
  get started(): boolean {
    return this.#run !== undefined;
  }

  /** Waits until everything other workers have told so far is known here. */
  async level(): Promise<void> {
    await this.#run?.follower.level();
  }

  /** How many commands may be in flight just now. */
  get inFlightLimit(): number {
    return this.#run?.limit.value ?? this.#deps.limits.maxInflight;
  }

  get paused(): boolean {
    return this.#brake.engaged;
  }

  /** Folds the log and follows it from then on; owns nothing yet (`take`). */
  async start(): Promise<void> {
    if (this.#run) return;
    const run = this.#open();
    this.#run = run;
    run.follower.start();
    try {
      await run.follower.level();
      // Before the first command runs: what was cancelled while nobody worked must not begin.
      await this.#deps.cancels?.watch((request) => run.dispatcher.cancels.cancel(request), run.abort.signal);
    } catch (error) {
      // Half a start is none: the next one must begin again.
      await this.stop();
      throw error;
    }
    if (this.#run === run) this.#startTimers(run);
  }

  /** Takes a partition from whoever has it: from now on this worker executes its commands. Resolves when they are being delivered. */
  async take(partition: number): Promise<void> {
    const run = this.#run;
    if (!run || run.owned.has(partition)) return;
    const owned = await claimed(partition, run, this.#deps, () => this.#run === run);
    if (owned) this.#startPull(run, owned);
  }

  /** Gives a partition away: ends what runs there within `drainMs`, stores what was said of it, and lets go. */
  async give(partition: number): Promise<void> {
    const run = this.#run;
    const owned = run?.owned.get(partition);
    if (!run || !owned) return;
    owned.leaving = true;
    owned.pulls.abort();
    await owned.pulling;
    await givenAway(owned, run, this.#deps).catch((error: unknown) => {
      if (run.owned.get(partition) === owned) this.lose(error);
      throw error;
    });
  }

  /** Stops pulling, gives what runs `drainMs` to end, then aborts it: its intent is stored, so the next owner finishes it. */
  async stop(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    for (const stop of run.timers) stop();
    const owned = [...run.owned.values()];
    for (const { pulls } of owned) pulls.abort();
    await bounded(this.#deps.clock, SETTLE_MS, Promise.all(owned.map(({ pulling }) => pulling)));
    await bounded(this.#deps.clock, this.#deps.limits.drainMs, this.#drain(run));
    run.abort.abort();
    for (const { abort } of owned) abort.abort();
    // What runs may wait for the log, which may be away: it gets a moment to be stored, and then the next owner finds out.
    await bounded(this.#deps.clock, SETTLE_MS, run.dispatcher.settled());
    await Promise.all([run.follower.stop(), ...owned.map(({ log }) => log.close())]);
    await run.dispatcher.settled();
    run.dispatcher.inFlight.clear();
  }

  /** The connection was lost and is back: what was on the wire is asked for again, in order. */
  async reconnected(): Promise<void> {
    const run = this.#run;
    if (run) await Promise.all([...run.owned.values()].map((owned) => this.#pullAnew(run, owned)));
  }

  async #pullAnew(run: Run, owned: Owned): Promise<void> {
    // Still being taken: the pull to come begins with a reset anyway. Several reconnects may wait here: the first starts anew, for all.
    const { pulls, pulling } = owned;
    if (!pulling || owned.leaving || pulls.signal.aborted) return;
    pulls.abort();
    await pulling;
    if (this.#run === run && !owned.leaving && owned.pulls === pulls) this.#startPull(run, owned);
  }

  #open(): Run {
    const deps = this.#deps;
    const abort = new AbortController();
    // Whatever an earlier run had in flight is gone.
    this.#brake.update(0);
    const state = new WorkerState(deps.limits.ledger, streamMarkOf(deps.inbox.streamCreated));
    const follower = new LogFollower({
      log: deps.log,
      clock: deps.clock,
      partitions: deps.limits.partitions,
      apply: ({ event, tsMs }, place) => state.follow(event, place, tsMs),
      looked: (...look) => state.looks.record(...look),
      warn: deps.listener.warn,
      broken: (error) => this.lose(error),
    });
    const owned = new Map<number, Owned>();
    const dispatcher = new Dispatcher({
      deps,
      state,
      owned,
      follower,
      onLoad: (inFlight) => this.#brake.update(inFlight),
      fatal: (error) => this.lose(error),
    });
    return {
      state,
      owned,
      follower,
      dispatcher,
      abort,
      timers: [],
      limit: new AdaptiveLimit({ max: deps.limits.maxInflight, targetQueueMs: TARGET_QUEUE_MS }),
      pace: { finished: 0, atMs: deps.clock.monotonicMs() },
    };
  }

  #startTimers(run: Run): void {
    const warn = (error: unknown) => this.#deps.listener.warn('housekeeping failed: tried again soon', error);
    const purger = new Purger(this.#deps, () => [...run.owned.keys()]);
    run.timers.push(
      every(HEARTBEAT_MS, () => run.dispatcher.inFlight.heartbeat(), warn),
      every(HOUSEKEEPING_MS, () => this.#housekeeping(run, purger), warn),
      every(TICK_MS, () => run.dispatcher.tick(), warn),
      every(RELIEF_MS, () => this.#makeRoom(run), warn),
      every(RELIEF_MS, () => lookForMore(run.dispatcher, this.#deps.inbox), warn),
    );
  }

  #startPull(run: Run, owned: Owned): void {
    owned.pulls = new AbortController();
    owned.pulling = this.#pullLoop(run, owned, owned.pulls.signal);
  }

  async #pullLoop(run: Run, owned: Owned, signal: AbortSignal): Promise<void> {
    const { partition } = owned;
    const { inbox, clock, listener } = this.#deps;
    let next = 0;
    while (!signal.aborted) {
      try {
        if (next === 0 && !(await isStillOurs(owned, signal, (error) => this.lose(error)))) return;
        if (next === 0) run.dispatcher.reached(partition, (await inbox.reset(partition)).ackFloor);
        next ||= 1;
        await this.#brake.released(signal);
        for await (const delivery of inbox.pull(partition, this.#room(run), signal)) {
          if (signal.aborted) return;
          // One before it went elsewhere: to a worker that is gone, or lost on the wire. All of it once more, in order.
          if (delivery.order !== next++) {
            next = 0;
            break;
          }
          run.dispatcher.deliver(delivery);
        }
        if (next === 0) await pause(clock, GAP_PAUSE_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        // What was delivered and did not reach us would come late and out of order: start over from the floor.
        next = 0;
        listener.warn(`pulling partition ${partition} failed (${messageOf(error)}); trying again`, error);
        await pause(clock, 200, signal);
      }
    }
  }

  /** Messages to ask for: a full batch, less when that many (an envelope holds several commands) would run far past the mark. */
  #room(run: Run): number {
    const { batchSize } = this.#deps.limits;
    const { inFlight, commandsPerMessage } = run.dispatcher;
    const left = (this.#brake.high - inFlight.load) / (Math.max(1, run.owned.size) * commandsPerMessage);
    return Math.max(1, Math.min(batchSize, Math.ceil(left)));
  }

  /** Adapts the limit to what the editors finish, and lets those who hold too much give way. */
  #makeRoom(run: Run): void {
    const { dispatcher, pace } = run;
    const { clock } = this.#deps;
    const nowMs = clock.monotonicMs();
    const busy = dispatcher.lanes.filter((lane) => lane.depth > 0).length;
    const limit = run.limit.observe({
      completed: dispatcher.finished - pace.finished,
      elapsedMs: nowMs - pace.atMs,
      limited: this.#brake.wasTouched(),
      floor: LANE_FLOOR * (busy + 1),
    });
    run.pace = { finished: dispatcher.finished, atMs: nowMs };
    this.#brake.retune(limit, dispatcher.inFlight.load);
    const behindMs = clock.nowMs() - dispatcher.deliveredUpToMs;
    relieve(dispatcher, this.#brake.marks, { blockedMs: this.#brake.blockedMs(), behindMs });
  }

  async #drain(run: Run): Promise<void> {
    for (const lane of run.dispatcher.lanes) lane.dropWaiting();
    await run.dispatcher.drained();
  }

  async #housekeeping(run: Run, purger: Purger): Promise<void> {
    run.dispatcher.sweep();
    run.state.ledger.expire(this.#deps.clock.nowMs());
    for (const owned of await strays(run, this.#deps.inbox)) void this.#pullAnew(run, owned);
    const floor = await purger.run();
    // Parked commands keep places of any age; and after kill -9 of the server its floor may stand a little lower than it said.
    const parked = run.dispatcher.lanes.some((lane) => lane.hasParked);
    if (floor !== undefined && !parked) run.state.done.forgetBelow(floor - FLOOR_MARGIN);
  }

  /** Fenced, or the log is gone: nothing of what we hold counts any more. */
  lose(error: unknown): void {
    const run = this.#run;
    if (!run || run.abort.signal.aborted) return;
    run.abort.abort();
    for (const { abort } of run.owned.values()) abort.abort();
    void this.stop().then(() => this.#deps.listener.lost(error));
  }
}

/** From start to stop, or until it is lost. */
interface Run extends Ownership {
  readonly state: WorkerState;
  readonly timers: (() => void)[];
  readonly limit: AdaptiveLimit;
  /** Since the limit was looked at last. */
  pace: { finished: number; atMs: number };
}

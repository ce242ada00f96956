import { setMaxListeners } from 'node:events';
import { every, pause } from '../core/clock.js';
import { messageOf } from '../core/errors.js';
import { Hysteresis } from '../core/hysteresis.js';
import { streamMarkOf } from '../core/ids.js';
import type { Service } from '../core/service.js';
import { Dispatcher } from './dispatcher.js';
import { AdaptiveLimit } from './lanes/adaptiveLimit.js';
import { lookForMore } from './lanes/catchUp.js';
import { relieve } from './lanes/relief.js';
import { Purger } from './ledger/purger.js';
import { WorkerState } from './ledger/workerState.js';
import type { PartitionLog } from './ports.js';
import type { WorkerDependencies } from './workerOptions.js';

const HEARTBEAT_MS = 60_000;
const HOUSEKEEPING_MS = 5_000;
const RELIEF_MS = 250;
/** How late a deadline may be told. */
const TICK_MS = 500;
/** What is taken may wait this long in memory, going by what is finished. */
const TARGET_QUEUE_MS = 2_000;
/** Commands a busy editor, and one more, may have in memory however slow the editors are. */
const LANE_FLOOR = 8;
/** Places kept as done below the floor: 1 million take 128 KB. */
const FLOOR_MARGIN = 1_000_000;

/**
 * Takes commands in order for each editor and brings them to exactly one end. Start: claim the partitions (fencing every earlier
 * owner), fold the log into the worker's state, then let the server deliver whatever is not acknowledged, in order.
 */
export class Worker implements Service {
  readonly name = 'worker';
  readonly #deps: WorkerDependencies;
  readonly #brake: Hysteresis;
  #engagedSinceMs: number | undefined;
  #run: Run | undefined;

  constructor(deps: WorkerDependencies) {
    this.#deps = deps;
    const { high, low } = marksOf(deps.limits.maxInflight, deps.limits.queueWatermark);
    this.#brake = new Hysteresis(high, low);
  }

  /** What it holds now: for metrics, status answers and undo plans. Undefined while it owns nothing. */
  get view(): { state: WorkerState; dispatcher: Dispatcher } | undefined {
    return this.#run;
  }

  /** How many commands may be in flight just now. */
  get inFlightLimit(): number {
    return this.#run?.limit.value ?? this.#deps.limits.maxInflight;
  }

  get paused(): boolean {
    return this.#brake.engaged;
  }

  async start(): Promise<void> {
    if (this.#run) return;
    const run = await this.#open();
    this.#run = run;
    try {
      // Before the first command runs: what was cancelled while nobody worked must not begin.
      await this.#deps.cancels?.watch((request) => run.dispatcher.cancels.cancel(request), run.abort.signal);
      const parked = await this.#deps.parking.parked();
      // Before anything runs or is delivered: who is parked already keeps its place and its key.
      for (const [editor, lastSeq] of parked) await this.#claimParked(run, editor, lastSeq);
      if (this.#run !== run) return;
      for (const editor of parked.keys()) run.dispatcher.openParked(editor);
    } catch (error) {
      // Half a start is none: the next one must begin again.
      await this.stop();
      throw error;
    }
    await this.#startPulls(run);
    const warn = (error: unknown) =>
      this.#deps.listener.warn('housekeeping failed; it will be tried again', error);
    const purger = new Purger(this.#deps);
    run.timers.push(
      every(HEARTBEAT_MS, () => run.dispatcher.inFlight.heartbeat(), warn),
      every(HOUSEKEEPING_MS, () => this.#housekeeping(run, purger), warn),
      every(TICK_MS, () => run.dispatcher.tick(), warn),
      every(RELIEF_MS, () => this.#makeRoom(run), warn),
      every(RELIEF_MS, () => lookForMore(run.dispatcher, this.#deps.inbox), warn),
    );
  }

  /** Stops pulling, gives what runs `drainMs` to end, then aborts it: its intent is stored, so the next start finishes it. */
  async stop(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    for (const stop of run.timers) stop();
    run.pulls.abort();
    await Promise.all(run.pulling);
    const ended = new AbortController();
    await Promise.race([
      this.#drain(run).finally(() => ended.abort()),
      pause(this.#deps.clock, this.#deps.limits.drainMs, ended.signal),
    ]);
    run.abort.abort();
    await run.dispatcher.settled();
    run.dispatcher.inFlight.clear();
    await Promise.all([...run.logs.values()].map((log) => log.close()));
  }

  /** The connection was lost and is back: what was on the wire is asked for again, in order. */
  async reconnected(): Promise<void> {
    const run = this.#run;
    // Still starting: the pulls to come begin with a reset anyway.
    if (!run || run.pulling.length === 0) return;
    const { pulls } = run;
    pulls.abort();
    await Promise.all(run.pulling);
    // Several reconnects may have waited here: the first starts anew, for all.
    if (this.#run === run && run.pulls === pulls) await this.#startPulls(run);
  }

  async #claimParked(run: Run, editor: string, lastSeq: number): Promise<void> {
    for (let after = 0; after < lastSeq && this.#run === run; ) {
      const batches = await this.#deps.parking.read(editor, after, 16);
      if (batches.length === 0) return;
      for (const batch of batches) {
        run.dispatcher.claimParked(editor, batch);
        after = Math.max(after, batch.parkedSeq);
      }
    }
  }

  async #open(): Promise<Run> {
    const deps = this.#deps;
    const abort = new AbortController();
    // Each running command listens and stops listening: with many editors that is no leak, whatever Node thinks of more than ten.
    setMaxListeners(0, abort.signal);
    const logs = new Map<number, PartitionLog>();
    for (let partition = 0; partition < deps.limits.partitions; partition++)
      logs.set(partition, await deps.log.claim(partition));
    const state = new WorkerState(deps.limits.ledger, streamMarkOf(deps.inbox.streamCreated));
    await deps.log.replay(({ event, tsMs }) => state.apply(event, tsMs), abort.signal);
    const dispatcher = new Dispatcher({
      deps,
      state,
      logs,
      signal: abort.signal,
      onLoad: (inFlight) => this.#onLoad(inFlight),
      fatal: (error) => this.#lose(error),
    });
    return {
      state,
      logs,
      dispatcher,
      abort,
      pulls: new AbortController(),
      pulling: [],
      timers: [],
      limit: new AdaptiveLimit({ max: deps.limits.maxInflight, targetQueueMs: TARGET_QUEUE_MS }),
      pace: { finished: 0, atMs: deps.clock.monotonicMs(), limited: false },
      resume: () => undefined,
    };
  }

  async #startPulls(run: Run): Promise<void> {
    run.pulls = new AbortController();
    const { signal } = run.pulls;
    run.pulling = Array.from({ length: this.#deps.limits.partitions }, (_, partition) =>
      this.#pullLoop(run, partition, signal),
    );
  }

  async #pullLoop(run: Run, partition: number, signal: AbortSignal): Promise<void> {
    const { inbox, clock, listener } = this.#deps;
    let reset = false;
    while (!signal.aborted) {
      try {
        if (!reset) run.dispatcher.reached(partition, (await inbox.reset(partition)).ackFloor);
        reset = true;
        if (this.#brake.engaged) await this.#released(run, signal);
        for await (const delivery of inbox.pull(partition, this.#room(run), signal))
          run.dispatcher.deliver(delivery);
      } catch (error) {
        if (signal.aborted) return;
        // What was delivered and did not reach us would come late and out of order: start over from the floor.
        reset = false;
        listener.warn(`pulling partition ${partition} failed (${messageOf(error)}); trying again`, error);
        await pause(clock, 200, signal);
      }
    }
  }

  /** Messages to ask for: a full batch, less when that many (an envelope holds several commands) would run far past the mark. */
  #room(run: Run): number {
    const { batchSize, partitions } = this.#deps.limits;
    const left =
      (this.#brake.high - run.dispatcher.inFlight.load) / (partitions * run.dispatcher.commandsPerMessage);
    return Math.max(1, Math.min(batchSize, Math.ceil(left)));
  }

  /** Adapts the limit to what the editors finish, and lets those who hold too much give way. */
  #makeRoom(run: Run): void {
    const { dispatcher, pace } = run;
    const { clock, limits } = this.#deps;
    const nowMs = clock.monotonicMs();
    const busy = dispatcher.lanes.filter((lane) => lane.depth > 0).length;
    const limit = run.limit.observe({
      completed: dispatcher.finished - pace.finished,
      elapsedMs: nowMs - pace.atMs,
      limited: pace.limited || this.#brake.engaged,
      floor: LANE_FLOOR * (busy + 1),
    });
    run.pace = { finished: dispatcher.finished, atMs: nowMs, limited: false };
    const { high, low } = marksOf(limit, limits.queueWatermark);
    if (high !== this.#brake.high) {
      this.#brake.retune(high, low);
      this.#onLoad(dispatcher.inFlight.load);
    }
    const blockedMs = this.#engagedSinceMs === undefined ? 0 : nowMs - this.#engagedSinceMs;
    const behindMs = this.#deps.clock.nowMs() - dispatcher.deliveredUpToMs;
    relieve(dispatcher, this.#brake, { blockedMs, behindMs });
  }

  #onLoad(inFlight: number): void {
    const before = this.#brake.engaged;
    const now = this.#brake.update(inFlight);
    if (now && this.#run) this.#run.pace.limited = true;
    if (!now) this.#engagedSinceMs = undefined;
    else this.#engagedSinceMs ??= this.#deps.clock.monotonicMs();
    if (before === now) return;
    this.#deps.listener.paused(now);
    if (now || !this.#run) return;
    const { resume } = this.#run;
    this.#run.resume = () => undefined;
    resume();
  }

  async #released(run: Run, signal: AbortSignal): Promise<void> {
    while (this.#brake.engaged && !signal.aborted)
      await new Promise<void>((resolve) => {
        const previous = run.resume;
        const done = () => {
          signal.removeEventListener('abort', done);
          resolve();
        };
        run.resume = () => {
          previous();
          done();
        };
        signal.addEventListener('abort', done, { once: true });
      });
  }

  async #drain(run: Run): Promise<void> {
    for (const lane of run.dispatcher.lanes) lane.dropWaiting();
    await run.dispatcher.drained();
  }

  async #housekeeping(run: Run, purger: Purger): Promise<void> {
    run.dispatcher.sweep();
    run.state.ledger.expire(this.#deps.clock.nowMs());
    const floor = await purger.run();
    // Parked commands keep places of any age; and after kill -9 of the server its floor may stand a little lower than it said.
    const parked = run.dispatcher.lanes.some((lane) => lane.hasParked);
    if (floor !== undefined && !parked) run.state.done.forgetBelow(floor - FLOOR_MARGIN);
  }

  /** Fenced, or the log is gone: nothing of what we hold counts any more. */
  #lose(error: unknown): void {
    const run = this.#run;
    if (!run || run.abort.signal.aborted) return;
    run.abort.abort();
    void this.stop().then(() => this.#deps.listener.lost(error));
  }
}

/** One ownership, from claim to stop. */
interface Run {
  readonly state: WorkerState;
  readonly logs: ReadonlyMap<number, PartitionLog>;
  readonly dispatcher: Dispatcher;
  readonly abort: AbortController;
  pulls: AbortController;
  pulling: Promise<void>[];
  readonly timers: (() => void)[];
  readonly limit: AdaptiveLimit;
  /** Since the limit was looked at last. */
  pace: { finished: number; atMs: number; limited: boolean };
  resume: () => void;
}

/** Pulling stops at the watermark of the limit and goes on at half of that. */
function marksOf(limit: number, watermark: number): { high: number; low: number } {
  const high = Math.max(2, Math.floor(limit * watermark));
  return { high, low: Math.floor(high / 2) };
}

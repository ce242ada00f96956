import type { Command } from '../commands/envelope.js';
import type { NotedEvent } from '../events/event.js';
import { execute } from './execute/execute.js';
import type { ExecuteContext } from './execute/executeContext.js';
import { executeContextOf } from './execute/executeContextOf.js';
import { CancelDesk } from './lanes/cancelDesk.js';
import { CatchUp } from './lanes/catchUp.js';
import { expiredAt } from './lanes/expiry.js';
import { FoundParking } from './lanes/foundParking.js';
import { heldBack } from './lanes/heldBack.js';
import { acceptedAtOf, InFlight, type TrackedItem } from './lanes/inFlight.js';
import { Lane, type LaneDependencies } from './lanes/lane.js';
import { laneUseOf } from './lanes/laneUse.js';
import { markedParking } from './lanes/markedParking.js';
import { type OpenLane, OpenLanes } from './lanes/openLanes.js';
import { ParkedLane } from './lanes/parkedLane.js';
import { newTask, progressOf } from './lanes/task.js';
import { tracedGo } from './lanes/tracedGo.js';
import { type Admission, admit } from './ledger/admission.js';
import { Claims } from './ledger/claims.js';
import type { LogFollower } from './ledger/logFollower.js';
import { PendingEnds } from './ledger/pendingEnds.js';
import { RecentEnds } from './ledger/recentEnds.js';
import { Refusals } from './ledger/refusals.js';
import { endedByItsKey, payOwedLetter, type SettleContext, settle } from './ledger/settle.js';
import { settleContextOf } from './ledger/settleContextOf.js';
import type { WorkerState } from './ledger/workerState.js';
import { GivenAwayError, type OwnedPartition } from './ownedPartition.js';
import type { Delivery, ParkedBatch } from './ports.js';
import type { WorkerDependencies } from './workerOptions.js';

export interface DispatcherOptions {
  readonly deps: WorkerDependencies;
  readonly state: WorkerState;
  readonly follower: LogFollower;
  /** The partitions this worker owns now; changes while it runs. */
  readonly owned: ReadonlyMap<number, OwnedPartition>;
  readonly onLoad: (inFlight: number) => void;
  readonly fatal: (error: unknown) => void;
}

/** From delivery to lane: admission by the ledger, one lane an editor, one fence counter for all calls of an ownership. */
export class Dispatcher {
  readonly inFlight: InFlight;
  readonly claims = new Claims();
  readonly ends = new RecentEnds();
  /** Of late, on average. */
  commandsPerMessage = 1;
  /** Commands that ended in the lanes so far. */
  finished = 0;
  /** When the newest message that was delivered had been accepted, epoch ms. */
  deliveredUpToMs = 0;
  readonly #lanes: OpenLanes;
  readonly #options: DispatcherOptions;
  readonly #execute: ExecuteContext;
  readonly #settle: SettleContext;
  readonly #refusals: Refusals;
  readonly cancels: CancelDesk;
  /** What earlier owners left in the parking. */
  readonly found: FoundParking;
  readonly catchUp = new CatchUp();
  readonly #pending = new PendingEnds();

  constructor(options: DispatcherOptions) {
    const fatal = (error: unknown) => (error instanceof GivenAwayError ? undefined : options.fatal(error));
    this.#options = { ...options, fatal };
    this.inFlight = new InFlight(() => options.onLoad(this.inFlight.load));
    this.#execute = executeContextOf({
      claims: this.claims,
      ...options,
      logOf: (editor) => this.#ownedOf(editor).log,
      owns: (editor) => this.owns(editor),
    });
    this.#lanes = new OpenLanes((editor) => this.#open(editor), options.deps.partitionOf);
    this.#settle = settleContextOf({
      claims: this.claims,
      ...this.#options,
      ends: this.ends,
      pending: this.#pending,
      ownedPartition: (partition) => this.#ownedPartition(partition),
      laneOf: (editor) => this.#lanes.find(editor),
      taken: (task) => this.#refusals.taken(task),
    });
    this.#refusals = new Refusals(this.#settle);
    this.cancels = new CancelDesk({
      claims: this.claims,
      state: options.state,
      settle: this.#settle,
      laneOf: (editor) => this.#lanes.find(editor),
    });
    const { claims, cancels, catchUp } = this;
    this.found = new FoundParking({ claims, cancels, catchUp, state: options.state, lanes: this.#lanes });
  }

  /** Whether the editor's commands are this worker's to execute. */
  owns(editor: string): boolean {
    return this.#options.owned.has(this.#options.deps.partitionOf(editor));
  }

  get lanes(): readonly Lane[] {
    return this.#lanes.all;
  }

  deliver(delivery: Delivery): void {
    this.commandsPerMessage += (delivery.items.length - this.commandsPerMessage) / 32;
    const items = this.inFlight.track(delivery);
    const [first] = delivery.items;
    if (first) this.deliveredUpToMs = acceptedAtOf(first);
    for (const item of items) {
      const inbound = delivery.items[item.index];
      if (this.#refusals.underWay({ seq: delivery.seq, index: item.index })) continue;
      if (inbound?.kind === 'command') this.#deliverCommand(inbound.command, item);
      else if (inbound) this.#refusals.bad(inbound, item);
    }
    this.reached(delivery.partition, delivery.seq);
    this.#options.onLoad(this.inFlight.load);
  }

  /** Everything of the partition up to there is acknowledged or delivered: what was parked by an earlier life may go on. */
  reached(partition: number, seq: number): void {
    if (this.catchUp.reached(partition, seq)) for (const lane of this.lanes) lane.kick();
  }

  /** Ends what waited past its deadline, whatever its lane waits for; what has started is finished. To be called every moment. */
  tick(): void {
    const nowMs = this.#options.deps.clock.nowMs();
    for (const lane of this.lanes) {
      lane.withdraw((task) => (task.started ? undefined : expiredAt(task.command, nowMs)));
      this.cancels.askAgain(lane);
    }
    this.cancels.expireParked(nowMs);
  }

  /** Forgets lanes of editors that have nothing to do. */
  sweep(): void {
    this.#lanes.sweep();
  }

  /** Takes the partition's lanes out of work: what waits is dropped, what runs goes on; resolves when none of it is occupied. */
  async drain(partition: number): Promise<void> {
    const opened = this.#lanes.ofPartition(partition);
    for (const { lane } of opened) {
      // A wish that was granted and not carried out must be found by the next owner, who may be this worker again.
      const { running, detached } = lane.look();
      for (const task of [...running, ...detached, ...lane.dropWaiting()]) this.cancels.keep(task);
    }
    await Promise.all(opened.map(({ lane }) => lane.drained()));
  }

  /** After `drain` and the abort of the partition: resolves when all that was said of it is stored and told. */
  async ended(partition: number): Promise<void> {
    await Promise.all(
      this.#lanes.ofPartition(partition).flatMap(({ lane, parked }) => [lane.settled(), parked.stored()]),
    );
    await this.#pending.settled(partition);
  }

  /** The partition is another's: nothing of it counts here any more. */
  forget(partition: number): void {
    const isOf = (editor: string) => this.#options.deps.partitionOf(editor) === partition;
    this.#lanes.forget(partition);
    this.claims.forget(isOf);
    this.found.forget(isOf);
    this.inFlight.forget(partition);
    this.catchUp.forget(partition);
  }

  /** Something about this editor may have changed (resumed, registered again): its lane looks again. */
  kick(editor: string): void {
    this.#lanes.find(editor)?.lane.kick();
  }

  /** Stores what is said about a command beside its own story; resolves when it is durable. */
  async note(event: NotedEvent): Promise<void> {
    const { log } = this.#ownedOf(event.editor);
    this.#options.state.apply(event, this.#options.deps.clock.nowMs());
    await log.append([event]);
  }

  /** Waits until no lane is occupied; what is detached goes on. */
  async drained(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.drained()));
  }

  async settled(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.settled()));
  }

  #deliverCommand(command: Command, item: TrackedItem): void {
    const claim = this.claims.find(command.commandId);
    const admission = admit(command, this.#options.state, claim);
    // In memory from the stream: its own end acknowledges this delivery. In the parking it is safe already.
    if (admission.kind === 'held' && !claim?.stored) return;
    this.#act(admission, command, item, () => {
      const { lane } = this.#lanes.of(command.editor);
      this.claims.hold(command, false);
      const started = this.#options.state.open.get(command.commandId);
      const task = newTask(command, { kind: 'stream', item }, started);
      if (!this.cancels.ends(task)) lane.accept(task);
    });
  }

  #admitParked(lane: Lane, parked: ParkedLane, { parkedSeq, commands }: ParkedBatch): void {
    for (const command of commands) {
      const claim = this.claims.find(command.commandId);
      const admission = admit(command, this.#options.state, claim?.parked ? undefined : claim);
      // In memory already (its batch was fetched again): its own end tells the parking.
      if (admission.kind === 'held') continue;
      const end = { settle: () => parked.ended(parkedSeq, command.position) };
      const started = this.#options.state.open.get(command.commandId);
      this.#act(admission, command, end, () => {
        this.claims.hold(command, true);
        const task = newTask(command, { kind: 'parked', parkedSeq }, started, claim?.progress);
        if (!this.cancels.ends(task) && !lane.enqueue(task)) this.cancels.keep(task);
      });
    }
  }

  #act(admission: Admission, command: Command, origin: { settle(): void }, run: () => void): void {
    switch (admission.kind) {
      case 'run':
        run();
        return;
      case 'repeat':
        payOwedLetter(command, () => origin.settle(), this.#settle);
        return;
      case 'held':
        origin.settle();
        return;
      case 'refuse':
        this.#refusals.refuse(command, admission.refusal, origin);
    }
  }

  #open(editor: string): OpenLane {
    const { deps } = this.#options;
    const { log, signal } = this.#ownedOf(editor);
    const parked = new ParkedLane(
      editor,
      markedParking(deps.parking, log.epoch),
      async () => void (await log.append([])),
      (error) => deps.listener.warn(`parked commands of ${editor} could not be released yet`, error),
      () => this.catchUp.done(deps.partitionOf(editor)),
      (command) => laneUseOf(command, this.#options.state.open.get(command.commandId)),
    );
    return { lane: new Lane(editor, this.#laneDependencies(parked), signal), parked };
  }

  #laneDependencies(parked: ParkedLane): LaneDependencies {
    const { deps } = this.#options;
    return {
      clock: deps.clock,
      parked,
      limits: { maxBesideLane: MAX_BESIDE_LANE, ...deps.limits },
      paused: (editor) => deps.paused?.(editor) ?? false,
      execute: async (task, signal) =>
        heldBack(task, deps.rate) ??
        endedByItsKey(task, await tracedGo(task, () => execute(task, this.#execute, signal)), this.#settle),
      finish: (task, verdict) => {
        this.finished++;
        if (verdict.kind === 'failed' && verdict.keyTaken) this.#refusals.taken(task);
        else settle(task, verdict, this.#settle);
      },
      detached: (change) => this.inFlight.detached(change),
      readiness: (editor, signal) => deps.gate.readiness(editor, signal),
      admitParked: (lane, batch) => this.#admitParked(lane, parked, batch),
      moved: (task) => {
        this.claims.parked(task.command.commandId, task.started ? progressOf(task) : undefined);
        if (task.origin.kind === 'stream') task.origin.item.settle();
        this.cancels.moved(task.command);
      },
      fatal: this.#options.fatal,
      holding: deps.listener.holding,
    };
  }

  #ownedOf(editor: string): OwnedPartition {
    return this.#ownedPartition(this.#options.deps.partitionOf(editor));
  }

  #ownedPartition(partition: number): OwnedPartition {
    const owned = this.#options.owned.get(partition);
    if (!owned) throw new GivenAwayError(`partition ${partition} is not this worker's`);
    return owned;
  }
}

/** Commands beside one lane, unless the limits say otherwise. */
const MAX_BESIDE_LANE = 8;

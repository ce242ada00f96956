import type { Command } from '../commands/envelope.js';
import type { NotedEvent } from '../events/event.js';
import { execute } from './execute/execute.js';
import type { ExecuteContext } from './execute/executeContext.js';
import { executeContextOf } from './execute/executeContextOf.js';
import { CancelDesk } from './lanes/cancelDesk.js';
import { CatchUp } from './lanes/catchUp.js';
import { expiredAt } from './lanes/expiry.js';
import { heldBack } from './lanes/heldBack.js';
import { InFlight, type TrackedItem } from './lanes/inFlight.js';
import { Lane, type LaneDependencies } from './lanes/lane.js';
import { ParkedLane } from './lanes/parkedLane.js';
import { newTask, progressOf } from './lanes/task.js';
import { tracedGo } from './lanes/tracedGo.js';
import { type Admission, admit } from './ledger/admission.js';
import { Claims } from './ledger/claims.js';
import { RecentEnds } from './ledger/recentEnds.js';
import { payOwedLetter, publishOf, reject, type SettleContext, settle } from './ledger/settle.js';
import type { WorkerState } from './ledger/workerState.js';
import type { BadCommand, Delivery, Inbound, OriginalMessage, ParkedBatch, PartitionLog } from './ports.js';
import type { WorkerDependencies } from './workerOptions.js';

export interface DispatcherOptions {
  readonly deps: WorkerDependencies;
  readonly state: WorkerState;
  readonly logs: ReadonlyMap<number, PartitionLog>;
  readonly signal: AbortSignal;
  readonly onLoad: (inFlight: number) => void;
  readonly fatal: (error: unknown) => void;
}

/** From delivery to lane: admission by the ledger, one lane an editor, one fence counter for all calls of this ownership. */
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
  readonly #lanes = new Map<string, { lane: Lane; parked: ParkedLane }>();
  readonly #options: DispatcherOptions;
  readonly #execute: ExecuteContext;
  readonly #settle: SettleContext;
  readonly cancels: CancelDesk;
  readonly catchUp = new CatchUp();
  /** Places whose reject is on its way: a redelivery meanwhile must not be acknowledged before the dead letter is kept. */
  readonly #rejecting = new Set<string>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.inFlight = new InFlight(() => options.onLoad(this.inFlight.load));
    this.#execute = executeContextOf({ ...options, logOf: (editor) => this.#logOf(editor) });
    this.#settle = {
      deps: options.deps,
      state: options.state,
      claims: this.claims,
      ends: this.ends,
      logOf: (editor) => this.#logOf(editor),
      parkedEnded: (parkedSeq, { editor, position, sessionId }) =>
        this.#lanes.get(editor)?.parked.ended(parkedSeq, position, sessionId),
      fatal: options.fatal,
    };
    this.cancels = new CancelDesk({
      claims: this.claims,
      state: options.state,
      settle: this.#settle,
      laneOf: (editor) => this.#lanes.get(editor),
    });
  }

  get lanes(): readonly Lane[] {
    return [...this.#lanes.values()].map(({ lane }) => lane);
  }

  /** Opens the lane of an editor that has parked commands from an earlier life. */
  openParked(editor: string): void {
    this.#laneOf(editor).lane.kick();
  }

  /** Commands that lie in the parking from an earlier life: a redelivery of one is safe, another publish of its key meets it. */
  claimParked(editor: string, batch: ParkedBatch): void {
    this.#laneOf(editor).parked.found(batch);
    for (const command of batch.commands) {
      if (this.#options.state.done.has(command.position) || this.claims.find(command.commandId)) continue;
      if (this.#options.state.isOfStream(command.position)) this.catchUp.found(command.position);
      this.claims.hold(command, true);
      this.claims.parked(command.commandId, undefined);
      this.cancels.moved(command);
    }
  }

  deliver(delivery: Delivery): void {
    this.commandsPerMessage += (delivery.items.length - this.commandsPerMessage) / 32;
    const items = this.inFlight.track(delivery);
    const [first] = delivery.items;
    if (first) this.deliveredUpToMs = acceptedAtOf(first);
    for (const item of items) {
      const inbound = delivery.items[item.index];
      if (this.#rejecting.has(placeOf({ seq: delivery.seq, index: item.index }))) continue;
      if (inbound?.kind === 'command') this.#deliverCommand(inbound.command, item);
      else if (inbound) this.#reject(inbound, item);
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
    for (const [editor, { lane }] of this.#lanes) if (lane.idle) this.#lanes.delete(editor);
  }

  /** Something about this editor may have changed (resumed, registered again): its lane looks again. */
  kick(editor: string): void {
    this.#lanes.get(editor)?.lane.kick();
  }

  /** Stores what is said about a command beside its own story; resolves when it is durable. */
  async note(event: NotedEvent): Promise<void> {
    this.#options.state.apply(event, this.#options.deps.clock.nowMs());
    await this.#logOf(event.editor).append([event]);
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
      this.claims.hold(command, false);
      const started = this.#options.state.open.get(command.commandId);
      const task = newTask(command, { kind: 'stream', item }, started);
      if (!this.cancels.ends(task)) this.#laneOf(command.editor).lane.accept(task);
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
        if (!this.cancels.ends(task)) lane.enqueue(task);
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
      case 'refuse': {
        const { position, acceptedAt, sessionId, editor, type } = command;
        // A refused repeat is a command of its own, named by its place: the first keeps its id, its row and its outcome.
        const commandId = this.#options.deps.commandIdOfPosition(position.seq, position.index);
        const bad: BadCommand = {
          refusal: admission.refusal,
          commandId,
          position,
          acceptedAt,
          sessionId,
          editor,
          type,
          meta: command,
        };
        this.#rejectOnce(bad, publishOf(command), origin);
      }
    }
  }

  #reject(bad: BadCommand, item: TrackedItem): void {
    if (this.#options.state.done.has(bad.position)) item.settle();
    else this.#rejectOnce(bad, item.delivery.original, item);
  }

  #rejectOnce(bad: BadCommand, original: OriginalMessage, origin: { settle(): void }): void {
    const place = placeOf(bad.position);
    this.#rejecting.add(place);
    const done = () => {
      this.#rejecting.delete(place);
      origin.settle();
    };
    reject(bad, original, done, this.#settle);
  }

  #laneOf(editor: string): { lane: Lane; parked: ParkedLane } {
    const known = this.#lanes.get(editor);
    if (known) return known;
    const { deps, signal } = this.#options;
    const parked = new ParkedLane(
      editor,
      deps.parking,
      () => this.#logOf(editor).append([]),
      (error) => deps.listener.warn(`parked commands of ${editor} could not be released yet`, error),
      () => this.catchUp.done(deps.partitionOf(editor)),
    );
    const lane = new Lane(editor, this.#laneDependencies(parked), signal);
    const opened = { lane, parked };
    this.#lanes.set(editor, opened);
    return opened;
  }

  #laneDependencies(parked: ParkedLane): LaneDependencies {
    const { deps } = this.#options;
    return {
      clock: deps.clock,
      parked,
      limits: { maxBesideLane: MAX_BESIDE_LANE, ...deps.limits },
      paused: (editor) => deps.paused?.(editor) ?? false,
      execute: async (task, signal) =>
        heldBack(task, deps.rate) ?? tracedGo(task, () => execute(task, this.#execute, signal)),
      finish: (task, verdict) => {
        this.finished++;
        settle(task, verdict, this.#settle);
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

  #logOf(editor: string): PartitionLog {
    const log = this.#options.logs.get(this.#options.deps.partitionOf(editor));
    if (!log) throw new Error(`no log for the partition of editor ${editor}`);
    return log;
  }
}

/** Commands beside one lane at once, unless the limits say otherwise. */
const MAX_BESIDE_LANE = 8;

const acceptedAtOf = (inbound: Inbound): number =>
  Date.parse(inbound.kind === 'command' ? inbound.command.acceptedAt : inbound.acceptedAt);

const placeOf = ({ seq, index }: { seq: number; index: number }): string => `${seq}.${index}`;

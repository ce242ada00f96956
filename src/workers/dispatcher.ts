import type { Command } from '../commands/envelope.js';
import { withSpan } from '../observability/tracing.js';
import { type Admission, admit } from './admission.js';
import { Claims } from './claims.js';
import { execute } from './execute.js';
import type { ExecuteContext } from './executeContext.js';
import { InFlight, type TrackedItem } from './inFlight.js';
import { Lane, type LaneDependencies } from './lane.js';
import { KeyedMutex } from './mutex.js';
import { ParkedLane } from './parkedLane.js';
import type { BadCommand, Delivery, OriginalMessage, ParkedBatch, PartitionLog } from './ports.js';
import { RecentEnds } from './recentEnds.js';
import { startedEvent } from './recorder.js';
import { payOwedLetter, publishOf, reject, type SettleContext, settle } from './settle.js';
import { newTask, progressOf, type Task, type Verdict } from './task.js';
import type { WorkerDependencies } from './workerOptions.js';
import type { WorkerState } from './workerState.js';

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
  readonly #lanes = new Map<string, { lane: Lane; parked: ParkedLane }>();
  readonly #options: DispatcherOptions;
  readonly #execute: ExecuteContext;
  readonly #settle: SettleContext;
  /** Places whose reject is on its way: a redelivery meanwhile must not be acknowledged before the dead letter is kept. */
  readonly #rejecting = new Set<string>();
  #calls = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.inFlight = new InFlight(() => options.onLoad(this.inFlight.commands));
    this.#execute = this.#executeContext();
    this.#settle = {
      deps: options.deps,
      state: options.state,
      claims: this.claims,
      ends: this.ends,
      logOf: (editor) => this.#logOf(editor),
      parkedEnded: (parkedSeq, { editor, position }) =>
        this.#lanes.get(editor)?.parked.ended(parkedSeq, position),
      fatal: options.fatal,
    };
  }

  get lanes(): readonly Lane[] {
    return [...this.#lanes.values()].map(({ lane }) => lane);
  }

  /** Opens the lane of an editor that has parked commands from an earlier life. */
  openParked(editor: string, lastSeq: number): void {
    this.#laneOf(editor, lastSeq).lane.kick();
  }

  /** Commands that lie in the parking from an earlier life: a redelivery of one is safe, another publish of its key meets it. */
  claimParked(commands: readonly Command[]): void {
    for (const command of commands) {
      if (this.#options.state.done.has(command.position) || this.claims.find(command.commandId)) continue;
      this.claims.hold(command, true);
      this.claims.parked(command.commandId, undefined);
    }
  }

  deliver(delivery: Delivery): void {
    this.commandsPerMessage += (delivery.items.length - this.commandsPerMessage) / 32;
    const items = this.inFlight.track(delivery);
    for (const item of items) {
      const inbound = delivery.items[item.index];
      if (this.#rejecting.has(placeOf({ seq: delivery.seq, index: item.index }))) continue;
      if (inbound?.kind === 'command') this.#deliverCommand(inbound.command, item);
      else if (inbound) this.#reject(inbound, item);
    }
    this.#options.onLoad(this.inFlight.commands);
  }

  /** Forgets lanes of editors that have nothing to do. */
  sweep(): void {
    for (const [editor, { lane }] of this.#lanes) if (lane.idle) this.#lanes.delete(editor);
  }

  async settled(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.settled()));
  }

  #deliverCommand(command: Command, item: TrackedItem): void {
    const claim = this.claims.find(command.commandId);
    const admission = admit(command, this.#options.state, claim);
    // In memory from the stream: its own end acknowledges this delivery. In the parking it is safe already.
    if (admission.kind === 'held' && !claim?.stored) return;
    const task = () =>
      newTask(command, { kind: 'stream', item }, this.#options.state.open.get(command.commandId));
    this.#act(admission, command, item, () => {
      this.claims.hold(command, false);
      this.#laneOf(command.editor).lane.accept(task());
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
        lane.enqueue(newTask(command, { kind: 'parked', parkedSeq }, started, claim?.progress));
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

  #laneOf(editor: string, parkedLastSeq = 0): { lane: Lane; parked: ParkedLane } {
    const known = this.#lanes.get(editor);
    if (known) return known;
    const { deps, signal } = this.#options;
    const parked = new ParkedLane(
      editor,
      deps.parking,
      parkedLastSeq,
      () => this.#logOf(editor).append([]),
      (error) => deps.listener.warn(`parked commands of ${editor} could not be released yet`, error),
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
      limits: deps.limits,
      execute: (task, signal) => traced(task, () => execute(task, this.#execute, signal)),
      finish: (task, verdict) => settle(task, verdict, this.#settle),
      readiness: (editor, signal) => deps.gate.readiness(editor, signal),
      admitParked: (lane, batch) => this.#admitParked(lane, parked, batch),
      moved: (task) => {
        this.claims.parked(task.command.commandId, task.started ? progressOf(task) : undefined);
        if (task.origin.kind === 'stream') task.origin.item.settle();
      },
      fatal: this.#options.fatal,
      holding: deps.listener.holding,
    };
  }

  #executeContext(): ExecuteContext {
    const { deps, state } = this.#options;
    const exclusive = new KeyedMutex();
    return {
      gate: deps.gate,
      images: deps.images,
      undoLog: state.undoLog,
      live: deps.live,
      clock: deps.clock,
      retry: deps.limits.retry,
      random: deps.random,
      faultPoint: deps.faultPoint,
      exclusive: (editor, work) => exclusive.run(editor, work),
      busy: (editor) => exclusive.busy(editor),
      nextToken: (editor) => ({ epoch: this.#logOf(editor).epoch, call: ++this.#calls }),
      retried: deps.listener.retried,
      recorded: (editor) => this.#logOf(editor).append([]),
      recordStarted: async (task, intent) => this.#recordStarted(task, intent),
    };
  }

  async #recordStarted(task: Task, intent: Parameters<ExecuteContext['recordStarted']>[1]): Promise<void> {
    const { deps, state } = this.#options;
    const { command } = task;
    const nowMs = deps.clock.nowMs();
    const token = { epoch: this.#logOf(command.editor).epoch, call: this.#calls + 1 };
    const event = startedEvent(command, token, intent, new Date(nowMs).toISOString());
    task.started = event;
    state.apply(event, nowMs);
    deps.listener.startedAfter(command.type, nowMs - Date.parse(command.acceptedAt));
    await this.#logOf(command.editor).append([event]);
  }

  #logOf(editor: string): PartitionLog {
    const log = this.#options.logs.get(this.#options.deps.partitionOf(editor));
    if (!log) throw new Error(`no log for the partition of editor ${editor}`);
    return log;
  }
}

const placeOf = ({ seq, index }: { seq: number; index: number }): string => `${seq}.${index}`;

/** One span a go, in the trace that the command came with. */
function traced(task: Task, go: () => Promise<Verdict>): Promise<Verdict> {
  const { type, commandId, sessionId, editor, traceparent } = task.command;
  const attributes = {
    'messaging.operation.type': 'process',
    'spark.command.id': commandId,
    'spark.session': sessionId,
    'spark.editor': editor,
  };
  return withSpan(
    `process ${type}`,
    attributes,
    traceparent,
    async (span) => {
      const verdict = await go();
      span.setAttributes({ 'spark.verdict': verdict.kind === 'failed' ? verdict.outcome : verdict.kind });
      return verdict;
    },
    'consumer',
  );
}

import { type CommandRequest, commandIdOfRequest } from '../../src/commands/envelope.js';
import type { CommandId, EventId } from '../../src/core/ids.js';
import { commandIdOfPosition, eventIdOf } from '../../src/core/ids.js';
import {
  type CompletedEvent,
  EVENT_VERSION,
  type FailedEvent,
  isEnd,
  type LoggedEvent,
  type SparkEvent,
} from '../../src/events/event.js';
import type {
  BeforeStore,
  Cancellations,
  CommandBeginning,
  CommandStatus,
  DeadLetterActions,
  Feed,
  ReconcileReply,
  ReconcileRequest,
  SubmitResult,
  Submitter,
  UndoPlan,
  WorkerQueries,
} from '../../src/http/ports.js';
import { ReadModelsBehindError } from '../../src/http/readErrors.js';
import type {
  CommandRow,
  DeadLetterActionRow,
  DeadLetterRow,
  OperationDetail,
  OperationFilter,
  ReadModels,
  StreamedEvent,
} from '../../src/http/readPort.js';

/** Keeps what it is given; answers as told. */
export class FakeSubmitter implements Submitter {
  readonly accepted: CommandRequest[] = [];
  answer: ((request: CommandRequest) => SubmitResult | undefined) | undefined;
  /** Called after a request was stored, as a fast worker would be. */
  onAccepted: ((commandId: string, request: CommandRequest) => void) | undefined;
  readonly #known = new Map<string, string>();

  async submit(requests: readonly CommandRequest[], beforeStore?: BeforeStore): Promise<SubmitResult[]> {
    const answers = requests.map((request) => this.answer?.(request));
    if (answers.every((answer) => answer === undefined)) await beforeStore?.();
    return requests.map((request, at) => answers[at] ?? this.#accept(request));
  }

  #accept(request: CommandRequest): SubmitResult {
    const commandId = commandIdOfRequest(request) ?? commandIdOfPosition('fake', this.accepted.length + 1, 0);
    const payload = JSON.stringify(request.payload);
    const before = this.#known.get(commandId);
    if (before !== undefined && before !== payload) {
      const message = 'the key belongs to another payload';
      return {
        kind: 'refused',
        refusal: { code: 'idempotency_mismatch', message, errors: [{ pointer: '/idempotencyKey', message }] },
      };
    }
    this.#known.set(commandId, payload);
    if (before === undefined) this.accepted.push(request);
    this.onAccepted?.(commandId, request);
    return { kind: 'accepted', commandId, duplicate: before !== undefined, status: 'accepted' };
  }
}

export class FakeQueries implements WorkerQueries {
  readonly known = new Map<string, CommandStatus>();
  plan: UndoPlan | undefined;
  readonly planned: unknown[] = [];
  reconciled: ReconcileReply | undefined;
  readonly reconciles: ReconcileRequest[] = [];

  status(commandIds: readonly string[]): Promise<CommandStatus[]> {
    return Promise.resolve(commandIds.flatMap((id) => this.known.get(id) ?? []));
  }

  editors() {
    return Promise.resolve(undefined);
  }

  reconcile(request: ReconcileRequest): Promise<ReconcileReply | undefined> {
    this.reconciles.push(request);
    return Promise.resolve(this.reconciled);
  }

  planUndo(request: unknown): Promise<UndoPlan | undefined> {
    this.planned.push(request);
    return Promise.resolve(this.plan);
  }
}

/** A log in memory: `append` numbers events and tells the listeners. */
export class FakeFeed implements Feed {
  readonly log: LoggedEvent[] = [];
  readonly beginnings = new Map<string, CommandBeginning>();
  #lastSeq = 0;
  readonly #listeners = new Map<string, Set<(logged: LoggedEvent) => void>>();
  readonly #terminals = new Map<string, Set<(logged: LoggedEvent) => void>>();
  /** Somebody waits for a terminal event. */
  onWait: ((commandId: string) => void) | undefined;

  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, set) => sum + set.size, 0);
  }

  append(event: SparkEvent): LoggedEvent {
    const logged = this.store(event);
    this.announce(logged);
    return logged;
  }

  /** In the log, not yet seen by this process. */
  store(event: SparkEvent): LoggedEvent {
    const logged = { event, seq: 1_024 * (this.log.length + 1), tsMs: 0, partition: 0 };
    this.log.push(logged);
    return logged;
  }

  announce(logged: LoggedEvent): void {
    this.#lastSeq = logged.seq;
    for (const listener of this.#listeners.get(logged.event.sessionId) ?? []) listener(logged);
    if (!isEnd(logged.event)) return;
    for (const listener of this.#terminals.get(logged.event.commandId) ?? []) listener(logged);
  }

  beginning(commandId: string): CommandBeginning | undefined {
    return this.beginnings.get(commandId);
  }

  lastSeq(): number {
    return this.#lastSeq;
  }

  onSession(sessionId: string, listener: (logged: LoggedEvent) => void): () => void {
    const set = this.#listeners.get(sessionId) ?? new Set();
    this.#listeners.set(sessionId, set.add(listener));
    return () => set.delete(listener);
  }

  terminal(commandId: string, timeoutMs: number, signal: AbortSignal): Promise<LoggedEvent | undefined> {
    return new Promise((resolve) => {
      const set = this.#terminals.get(commandId) ?? new Set();
      const finish = (logged: LoggedEvent | undefined) => {
        set.delete(finish);
        clearTimeout(timer);
        resolve(logged);
      };
      const timer = setTimeout(() => finish(undefined), timeoutMs);
      this.#terminals.set(commandId, set.add(finish));
      signal.addEventListener('abort', () => finish(undefined), { once: true });
      this.onWait?.(commandId);
    });
  }
}

/** Read models over the fake log, as far as they have been let come (`appliedSeq`); `down` stands for Postgres being away. */
export class FakeReads implements ReadModels {
  readonly commands = new Map<string, CommandRow>();
  readonly operations: OperationDetail[] = [];
  readonly letters: DeadLetterRow[] = [];
  readonly letterActions = new Map<string, DeadLetterActionRow[]>();
  readonly frames = new Map<string, { bytes: Uint8Array; mime: string }>();
  readonly filters: unknown[] = [];
  down = false;
  appliedSeq = Number.MAX_SAFE_INTEGER;
  lagMs = 0;
  /** Called before each page of history is read: the place for a race. */
  beforePage: (() => void | Promise<void>) | undefined;
  /** Runs while somebody waits for the read model. */
  whileWaiting: (() => void | Promise<void>) | undefined;
  readonly #feed: FakeFeed;

  constructor(feed: FakeFeed) {
    this.#feed = feed;
  }

  async commandById(commandId: string) {
    return this.#answer(this.commands.get(commandId));
  }
  async listCommands(filter: unknown) {
    this.filters.push(filter);
    return this.#answer([...this.commands.values()]);
  }
  async sessionEventsAfter(sessionId: string, afterSeq: number, limit: number) {
    await this.beforePage?.();
    const rows: StreamedEvent[] = this.#feed.log
      .filter(({ seq, event }) => event.sessionId === sessionId && seq > afterSeq && seq <= this.appliedSeq)
      .slice(0, limit);
    return this.#answer(rows);
  }
  async listOperations(filter: OperationFilter) {
    this.filters.push(filter);
    const rows = this.operations.filter(
      ({ sessionId, place }) =>
        (filter.sessionId === undefined || sessionId === filter.sessionId) &&
        (filter.before === undefined || place.seq < filter.before.seq),
    );
    return this.#answer(rows.slice(0, filter.limit));
  }
  async operation(operationId: string) {
    return this.#answer(this.operations.find((row) => row.operationId === operationId));
  }
  async frame(sha256: string) {
    return this.#answer(this.frames.get(sha256));
  }
  async deadLetters(filter: Parameters<ReadModels['deadLetters']>[0]) {
    this.filters.push(filter);
    const letters = this.letters.filter(
      (letter) =>
        (filter.state === undefined || letter.state === filter.state) &&
        (filter.sessionId === undefined || letter.sessionId === filter.sessionId),
    );
    return this.#answer(letters.slice(0, filter.limit));
  }
  async deadLetter(id: string) {
    const letter = this.letters.find((row) => row.id === id);
    return this.#answer(letter && { letter, actions: this.letterActions.get(id) ?? [] });
  }
  after(seq: number): ReadModels {
    if (seq <= this.appliedSeq) return this;
    const behind = () => Promise.reject(new ReadModelsBehindError(seq, this.appliedSeq));
    // An await must not take it for a promise.
    return new Proxy<ReadModels>(this, { get: (_, name) => (name === 'then' ? undefined : behind) });
  }
  async waitForSeq(seq: number) {
    await this.whileWaiting?.();
    this.#answer(undefined);
    return { reached: seq <= this.appliedSeq, source: 'replica' as const };
  }

  #answer<T>(data: T) {
    if (this.down) throw new Error('connect ECONNREFUSED 127.0.0.1:5432');
    return { data, source: 'replica' as const, appliedSeq: this.appliedSeq, lagMs: this.lagMs };
  }
}

/** Keeps what was done about dead letters; told of each before it is answered. */
export class FakeCancels implements Cancellations {
  readonly requests: Parameters<Cancellations['cancel']>[0][] = [];
  failing = false;

  cancel(request: Parameters<Cancellations['cancel']>[0]): Promise<void> {
    if (this.failing) return Promise.reject(new Error('the stream is away'));
    this.requests.push(request);
    return Promise.resolve();
  }
}

export class FakeDeadLetterActions implements DeadLetterActions {
  readonly appended: Parameters<DeadLetterActions['append']>[0][] = [];
  onAppend: (() => void) | undefined;

  append(action: Parameters<DeadLetterActions['append']>[0]): Promise<void> {
    this.onAppend?.();
    this.appended.push(action);
    return Promise.resolve();
  }
}

const POSITION = { partition: 0, seq: 1, index: 0, count: 1 };

export function completedEvent(
  commandId: string,
  sessionId: string,
  result: Record<string, unknown> = {},
  ordinal = 0,
): CompletedEvent {
  const type = 'generate_unity_script.completed';
  return {
    v: EVENT_VERSION,
    kind: 'completed',
    eventId: eventIdOf(commandId as CommandId, type, ordinal) as EventId,
    type,
    commandId,
    sessionId,
    editor: 'default',
    timestamp: '2026-01-01T00:00:00.000Z',
    outcome: 'completed',
    position: POSITION,
    attempts: 1,
    durationMs: 5,
    result,
  };
}

export function failedEvent(
  commandId: string,
  sessionId: string,
  outcome: FailedEvent['outcome'],
  code: string,
): FailedEvent {
  const type = 'generate_unity_script.failed';
  return {
    v: EVENT_VERSION,
    kind: 'failed',
    eventId: eventIdOf(commandId as CommandId, type),
    type,
    commandId,
    sessionId,
    editor: 'default',
    timestamp: '2026-01-01T00:00:00.000Z',
    outcome,
    position: POSITION,
    attempts: 1,
    durationMs: 5,
    error: { code, message: `it ended as ${code}` },
  };
}

export function commandRow(commandId: string, change: Partial<CommandRow> = {}): CommandRow {
  return {
    commandId,
    idempotencyKey: null,
    type: 'unity.generate_script',
    sessionId: 's1',
    editor: 'default',
    actor: 'tester',
    state: 'completed',
    attempts: 1,
    acceptedAt: '2026-01-01T00:00:00.000Z',
    startedAt: '2026-01-01T00:00:00.001Z',
    finishedAt: '2026-01-01T00:00:00.010Z',
    errorCode: null,
    seq: 2_048,
    result: { sha256: 'ab' },
    ...change,
  };
}

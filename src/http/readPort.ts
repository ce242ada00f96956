import type { LoggedEvent } from '../events/event.js';
import type { CommandState } from '../events/outcome.js';

/**
 * The read models as HTTP needs them; `projections/<model>/queries.ts` serve it, app.ts joins them. Every answer says which
 * server gave it, so that ours can say how stale it may be. A server that is away is a rejected promise.
 */
export type ReadSource = 'replica' | 'primary';

export interface ReadAnswer<T> extends Freshness {
  readonly data: T;
  readonly source: ReadSource;
}

/** How stale an answer may be. */
export interface Freshness {
  /** Events up to this `seq` are in it; there may be newer ones. */
  readonly appliedSeq: number;
  /** How long what it does not show has been in the log, ms at most; 0 when nothing is missing. */
  readonly lagMs: number;
}

/** A row of `spark_commands`; times are ISO 8601 in UTC. */
export interface CommandRow {
  readonly commandId: string;
  readonly idempotencyKey: string | null;
  readonly type: string;
  readonly sessionId: string;
  readonly editor: string;
  readonly actor: string;
  readonly state: CommandState;
  readonly attempts: number;
  readonly acceptedAt: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly errorCode: string | null;
  /** Place of its newest event in the log; null before the first. */
  readonly seq: number | null;
  /** The result of what completed; for everything else the error's fields (`message` among them), or null. */
  readonly result: unknown;
}

/** A row of `spark_operations`: one entry of the undo log, newest first in lists. */
export interface OperationRow {
  readonly operationId: string;
  readonly ts: string;
  readonly sessionId: string;
  readonly editor: string;
  readonly path: string;
  readonly tool: string;
  readonly beforeSha256: string | null;
  readonly afterSha256: string | null;
  readonly state: 'applied' | 'undone' | 'conflict';
  /** The unit it is undone and redone with; null: it stands alone. */
  readonly unitId: string | null;
  readonly commandId: string;
  /** The command that put it into its state, and when. */
  readonly stateCommandId: string;
  readonly stateTs: string;
  readonly beforeBytes: number | null;
  readonly afterBytes: number | null;
  /** Its place in the order of lists; the next page begins behind it. */
  readonly place: { readonly seq: number; readonly ordinal: number };
}

/** An operation with what its export carries beside the row. */
export interface OperationDetail extends OperationRow {
  readonly before: OperationImage | null;
  readonly after: OperationImage | null;
}

export interface OperationImage {
  readonly sha256: string;
  readonly bytes: number;
  readonly meta: { readonly sha256: string; readonly bytes: number; readonly guid: string | null } | null;
}

export interface OperationFilter {
  readonly sessionId?: string | undefined;
  /** Exact, or a prefix when it ends in `*`. */
  readonly path?: string | undefined;
  readonly tool?: string | undefined;
  readonly editor?: string | undefined;
  readonly state?: OperationRow['state'] | undefined;
  /** ISO 8601: at or after. */
  readonly since?: string | undefined;
  /** ISO 8601: before. */
  readonly until?: string | undefined;
  readonly before?: OperationRow['place'] | undefined;
  readonly limit: number;
}

export type DeadLetterState = 'open' | 'redriven' | 'dropped';

/** A row of `spark_dead_letters`. */
export interface DeadLetterRow {
  /** The letter's sequence in `SPARK_DLQ`; `event-{seq}` for an event of the log that could not be projected. */
  readonly id: string;
  readonly source: 'stream' | 'projector';
  readonly ts: string;
  readonly reason: string;
  readonly attempts: number;
  readonly lastError: string;
  readonly originalSubject: string;
  readonly commandId: string | null;
  readonly sessionId: string | null;
  readonly editor: string | null;
  readonly body: string;
  readonly bodyEncoding: 'utf8' | 'base64';
  readonly bodyTruncated: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** Where the message lay in the command stream; in the log for `source: projector`. */
  readonly stream: { readonly seq: number; readonly index: number };
  /** The command it asked for, where that can be read. */
  readonly type: string | null;
  readonly state: DeadLetterState;
  /** Who redrove or dropped it last. */
  readonly actedBy: string | null;
  readonly redrives: number;
  readonly redrivenAt: string | null;
  readonly redrivenAs: string | null;
  readonly droppedAt: string | null;
}

/** What was done about a dead letter. */
export interface DeadLetterActionRow {
  readonly at: string;
  readonly action: 'redriven' | 'dropped';
  readonly actor: string;
  readonly commandId: string | null;
  readonly redrive: number | null;
  readonly payloadSha: string | null;
}

export interface DeadLetterFilter {
  readonly reason?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly editor?: string | undefined;
  readonly type?: string | undefined;
  readonly state?: DeadLetterState | undefined;
  readonly source?: 'stream' | 'projector' | undefined;
  /** ISO 8601: at or after. */
  readonly since?: string | undefined;
  /** ISO 8601: before. */
  readonly until?: string | undefined;
}

/** An event as a read model returns it: what the live feed gave, less what only the log knows. */
export type StreamedEvent = Pick<LoggedEvent, 'seq' | 'event'>;

export interface CommandFilter {
  readonly sessionId?: string | undefined;
  readonly state?: CommandState | undefined;
  readonly editor?: string | undefined;
  readonly limit: number;
}

export interface ReadModels {
  commandById(commandId: string): Promise<ReadAnswer<CommandRow | undefined>>;
  /** Newest first. */
  listCommands(filter: CommandFilter): Promise<ReadAnswer<readonly CommandRow[]>>;
  /** Events of a session with `seq` above `afterSeq`, in order, at most `limit`; from the given source when one is named. */
  sessionEventsAfter(
    sessionId: string,
    afterSeq: number,
    limit: number,
    source?: ReadSource,
  ): Promise<ReadAnswer<readonly StreamedEvent[]>>;
  /** Newest first. */
  listOperations(filter: OperationFilter): Promise<ReadAnswer<readonly OperationDetail[]>>;
  operation(operationId: string): Promise<ReadAnswer<OperationDetail | undefined>>;
  /** A preview frame by the sha-256 of its bytes; never any other image (scripts lie in the same store). */
  frame(
    sha256: string,
  ): Promise<ReadAnswer<{ readonly bytes: Uint8Array; readonly mime: string } | undefined>>;
  /** Newest first, or oldest first; `after`: behind this row of the same order. */
  deadLetters(
    filter: DeadLetterFilter & {
      readonly limit: number;
      readonly oldestFirst?: boolean;
      readonly after?: Pick<DeadLetterRow, 'ts' | 'source' | 'id'> | undefined;
    },
  ): Promise<ReadAnswer<readonly DeadLetterRow[]>>;
  deadLetter(
    id: string,
  ): Promise<
    ReadAnswer<
      { readonly letter: DeadLetterRow; readonly actions: readonly DeadLetterActionRow[] } | undefined
    >
  >;
  /** The same, whose answers all contain the log up to `seq`: they reject with `ReadModelsBehindError` when no server has come so far. */
  after(seq: number): ReadModels;
  /** Resolves once a source has folded everything up to `seq`, naming it; `reached: false` after the timeout or an abort. */
  waitForSeq(
    seq: number,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly reached: boolean; readonly source: ReadSource }>;
}

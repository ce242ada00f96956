import type { LoggedEvent } from '../events/event.js';
import type { CommandState } from '../events/outcome.js';

/**
 * The read models as HTTP needs them; `projections/<model>/queries.ts` serve it, app.ts joins them. Every answer says which
 * server gave it, so that ours can say how stale it may be. A server that is away is a rejected promise.
 */
export type ReadSource = 'replica' | 'primary';

export interface ReadAnswer<T> {
  readonly data: T;
  readonly source: ReadSource;
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
}

/** A row of `spark_dead_letters`. */
export interface DeadLetterRow {
  readonly id: string;
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
}

/** An event as a read model returns it: what the live feed gave, less what only the log knows. */
export type StreamedEvent = Pick<LoggedEvent, 'seq' | 'event'>;

export interface CommandFilter {
  readonly sessionId?: string | undefined;
  readonly state?: CommandState | undefined;
  readonly editor?: string | undefined;
  readonly limit: number;
}

export interface Freshness {
  /** `seq` up to which events are folded, as this source shows it. */
  readonly appliedSeq: number;
  /** Age of the newest thing the source is missing, ms; 0 when level, null when it cannot be told. */
  readonly lagMs: number | null;
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
  operationsOfSession(sessionId: string, limit: number): Promise<ReadAnswer<readonly OperationRow[]>>;
  /** A preview frame by the sha-256 of its bytes; never any other image (scripts lie in the same store). */
  frame(
    sha256: string,
  ): Promise<ReadAnswer<{ readonly bytes: Uint8Array; readonly mime: string } | undefined>>;
  deadLetters(filter: {
    readonly sessionId?: string | undefined;
    readonly limit: number;
  }): Promise<ReadAnswer<readonly DeadLetterRow[]>>;
  freshness(): Promise<ReadAnswer<Freshness>>;
  /** Resolves once a source has folded everything up to `seq`, naming it; `reached: false` after the timeout or an abort. */
  waitForSeq(
    seq: number,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly reached: boolean; readonly source: ReadSource }>;
}

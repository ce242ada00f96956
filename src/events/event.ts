import type { CommandPosition } from '../commands/envelope.js';

/**
 * What happened. The log of these is the source of truth: every read model is a fold of it. Events carry hashes, never the
 * bytes of a file: those lie in the image store by sha-256 before the event that names them is appended.
 */
export type SparkEvent = StartedEvent | CompletedEvent | FailedEvent;

/** The version new events are written in; older ones are upcast on read (upcast.ts). */
export const EVENT_VERSION = 1;

/** A file at one moment, by content: bytes and, where the project folder can be read, its `.meta`. */
export interface FileImage {
  readonly sha256: string;
  readonly bytes: number;
  /** Null when Unity had not written one, or the project folder is out of reach. */
  readonly meta: { readonly sha256: string; readonly bytes: number; readonly guid: string | null } | null;
}

/** The command's envelope as `started`, `rejected` and `cancelled` repeat it: all but the payload, whose long texts are hashes. */
export interface EventEnvelope {
  readonly type: string;
  readonly idempotencyKey: string | null;
  readonly actor: string;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  readonly deadline: string | null;
  readonly priority: number;
  readonly traceparent: string | null;
  readonly payloadSha: string;
  /** The payload with every text above 1 KB replaced by `{sha256, bytes}`. */
  readonly payload: unknown;
  readonly acceptedAt: string;
}

interface EventBase {
  readonly v: typeof EVENT_VERSION;
  readonly eventId: string;
  /** `spark_events.type`, e.g. `generate_unity_script.started`. */
  readonly type: string;
  readonly commandId: string;
  readonly sessionId: string;
  readonly editor: string;
  /** When the worker recorded it (ISO 8601, its clock); rows use JetStream's publish time instead. */
  readonly timestamp: string;
}

/** Fence token: compared as (epoch, call); the gate refuses any that is not above the highest it has seen for the editor. */
export interface FenceToken {
  readonly epoch: number;
  readonly call: number;
}

/** What a file change is about to do, recorded before the first call, so that any later worker can tell how far it came. */
export interface FileIntent {
  readonly path: string;
  /** The editor whose file it is: for undo the operation's, which may differ from the command's. */
  readonly editor: string;
  /** Null: the file was absent. */
  readonly before: FileImage | null;
  /** Null: the file shall be absent. `meta` null: Unity will make one. */
  readonly after: FileImage | null;
  /** sha-256 of every state the file passes through, `before` first and `after` last; "" stands for absent. */
  readonly waypoints: readonly string[];
  /** The operation an undo or redo is about. */
  readonly operationId?: string;
  /** Folders that the change will make on the way to its file, outermost first. */
  readonly missingFolders?: readonly string[];
}

/** A folder that an operation made on the way to its file, with the `.meta` Unity gave it. */
export interface CreatedFolder {
  readonly path: string;
  readonly metaSha256: string | null;
}

/** The intent: appended before the editor is called. */
export interface StartedEvent extends EventBase {
  readonly kind: 'started';
  readonly envelope: EventEnvelope;
  readonly position: CommandPosition;
  readonly token: FenceToken;
  readonly intent: FileIntent | null;
}

/** One entry of the undo log, as the event that made it says. */
export interface OperationRecord {
  readonly operationId: string;
  readonly editor: string;
  readonly path: string;
  readonly tool: string;
  readonly before: FileImage | null;
  readonly after: FileImage | null;
  /** Outermost first; undo removes those that are empty then. */
  readonly createdFolders?: readonly CreatedFolder[];
}

export interface PreviewRecord {
  readonly frameSha256: string;
  readonly mime: string;
  readonly bytes: number;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly requestedWidthPx: number;
  readonly requestedHeightPx: number;
  readonly scenePath: string | null;
  readonly gameObject: string | null;
  readonly mode: string;
}

export interface CompletedEvent extends EventBase {
  readonly kind: 'completed';
  readonly outcome: 'completed';
  readonly position: CommandPosition;
  readonly attempts: number;
  /** From intent to outcome, monotonic. */
  readonly durationMs: number;
  /** What the client gets: small, JSON. */
  readonly result: Readonly<Record<string, unknown>>;
  /** `apply`: a new operation; `undo`/`redo`: what became of the operation named. Absent where no file changed. */
  readonly change?: { readonly direction: 'apply' | 'undo' | 'redo'; readonly operation: OperationRecord };
  readonly preview?: PreviewRecord;
}

export type FailureOutcome = 'failed' | 'rejected' | 'conflict' | 'outcome_unknown' | 'cancelled' | 'expired';

export interface EventError {
  readonly code: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface FailedEvent extends EventBase {
  readonly kind: 'failed';
  readonly outcome: FailureOutcome;
  readonly position: CommandPosition;
  readonly attempts: number;
  readonly durationMs: number | null;
  readonly error: EventError;
  /** With `rejected`, `cancelled` and `expired`, which may come without a `started`. */
  readonly envelope?: EventEnvelope;
  /** With a conflict of an undo or redo: the operation it was about. */
  readonly operationId?: string;
}

/** An event with its place in the log. */
export interface LoggedEvent {
  readonly event: SparkEvent;
  /** Strictly growing in log order over all partitions: `spark_events.seq` and the SSE id. */
  readonly seq: number;
  /** JetStream's publish time of the message that carries it, epoch ms: the same at every replay. */
  readonly tsMs: number;
  /** The partition of the log that carries it. */
  readonly partition: number;
}

/** Events per log message, so that `seq` has room; an appender splits what is more. */
export const MAX_EVENTS_PER_MESSAGE = 1_000;

/** `spark_events.seq` of the event at `index` of the log message `streamSeq`; below 2^53 for 8.9e12 messages. */
export function seqOf(streamSeq: number, index: number): number {
  return streamSeq * 1_024 + index;
}

/** The log message that holds `seq`. */
export function streamSeqOf(seq: number): number {
  return Math.floor(seq / 1_024);
}

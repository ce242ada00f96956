import type { CommandPosition } from '../commands/envelope.js';

/**
 * What happened. The log of these is the source of truth: every read model is a fold of it. Events carry hashes, never the
 * bytes of a file: those lie in the image store by sha-256 before the event that names them is appended.
 */
export type SparkEvent = StateEvent | NotedEvent;

/** Moves its command to another state. */
export type StateEvent = StartedEvent | CompletedEvent | FailedEvent;
/** Ends its command. */
export type TerminalEvent = CompletedEvent | FailedEvent;

/** The version new events are written in; older ones are upcast on read (upcast.ts). */
export const EVENT_VERSION = 2 as const;

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

/**
 * Fence token: compared as (epoch, call); the gate refuses any that is not above the highest it has seen for the editor from the same
 * partition's owners.
 */
export interface FenceToken {
  readonly epoch: number;
  readonly call: number;
  /** The partition whose owner calls; not stored. An undo may reach over to an editor whose own commands lie in another one. */
  readonly partition?: number;
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
  /** All that a step of a unit is about, oldest first, where it is about more than one (the file's changes fall together). */
  readonly operationIds?: readonly string[];
  /** Folders that the change will make on the way to its file, outermost first; none where that could not be seen. */
  readonly missingFolders: readonly string[];
}

/** A folder that an operation made on the way to its file, with the `.meta` Unity gave it. */
export interface CreatedFolder {
  readonly path: string;
  readonly metaSha256: string | null;
}

/** What a build is about to do. */
export interface BuildIntent {
  /** Project-relative, made from the command id: a build is found by it when its job id is lost. */
  readonly outputPath: string;
  readonly target: string;
}

/** The intent: appended before the editor is called. */
export interface StartedEvent extends EventBase {
  readonly kind: 'started';
  readonly envelope: EventEnvelope;
  readonly position: CommandPosition;
  readonly token: Pick<FenceToken, 'epoch' | 'call'>;
  readonly intent: FileIntent | null;
  /** Of a command that changes many files as one unit, in the order it does so; `intent` is null then. */
  readonly intents?: readonly FileIntent[];
  readonly build?: BuildIntent;
}

/** One entry of the undo log, as the event that made it says. */
export interface OperationRecord {
  readonly operationId: string;
  /** Operations of one unit are undone and redone together; absent: it stands alone. */
  readonly unitId?: string;
  readonly editor: string;
  readonly path: string;
  readonly tool: string;
  readonly before: FileImage | null;
  readonly after: FileImage | null;
  /** Outermost first; undo removes those that are empty then. */
  readonly createdFolders?: readonly CreatedFolder[];
  /** Imported: when it was made where it comes from (ISO 8601); no file was changed here then. */
  readonly madeAt?: string;
}

/** What became of one operation: `apply` makes it, `undo` and `redo` move it. */
export interface OperationMove {
  readonly direction: 'apply' | 'undo' | 'redo';
  readonly operation: OperationRecord;
}

/** What a finished build left. */
export interface BuildRecord {
  readonly outputPath: string;
  readonly target: string;
  readonly platform: string | null;
  readonly totalBytes: number | null;
  /** As the editor counted it; null when only the output tells that it ended. */
  readonly durationMs: number | null;
  readonly warnings: number | null;
}

/** What a model call used up. */
export interface UsageRecord {
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costUsd?: number | undefined;
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
  /** Answered from the cache: the editor was not asked. */
  readonly cached: boolean;
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
  readonly change?: OperationMove;
  /** Of a command that moved several operations, in the order they took place; `change` is absent then. */
  readonly changes?: readonly OperationMove[];
  readonly preview?: PreviewRecord;
  readonly build?: BuildRecord;
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
  /** What a unit that failed half way could not take back: these operations stand (or stay undone). */
  readonly changes?: readonly OperationMove[];
  readonly build?: Pick<BuildRecord, 'outputPath' | 'target'>;
}

/** Said about a command without moving its state: what it used up, or what an operator found out about an unknown outcome. */
export interface NotedEvent extends EventBase {
  readonly kind: 'noted';
  readonly note:
    | ({ readonly kind: 'usage' } & UsageRecord)
    | {
        readonly kind: 'reconciled';
        readonly verdict: 'applied' | 'not_applied';
        readonly text: string;
        readonly actor: string;
      };
}

/** Every operation an event moved, in the order they took place. */
export function movesOf(event: SparkEvent): readonly OperationMove[] {
  if (event.kind === 'completed') return event.changes ?? (event.change ? [event.change] : []);
  return event.kind === 'failed' ? (event.changes ?? []) : [];
}

/** Whether an event ends its command. */
export function isEnd(event: SparkEvent): event is TerminalEvent {
  return event.kind === 'completed' || event.kind === 'failed';
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

/** `tsMs` as text (ISO 8601), cut to the millisecond as a client that reads the column of microseconds does. */
export function streamTimeOf({ tsMs }: Pick<LoggedEvent, 'tsMs'>): string {
  return new Date(Math.floor(Math.round(tsMs * 1_000) / 1_000)).toISOString();
}

/** The log message that holds `seq`. */
export function streamSeqOf(seq: number): number {
  return Math.floor(seq / 1_024);
}

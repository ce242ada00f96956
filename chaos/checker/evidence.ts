import type { HistoryRecord } from '../history.js';

/**
 * Everything the checker looks at, collected before it looks (collect.ts): what clients saw, what the editors did, what the log says, and
 * what the read models hold. The shapes are written down here and not imported from the product: the checker shares no code with
 * what it judges.
 */
export interface Evidence {
  readonly history: readonly HistoryRecord[];
  /** The simulator's effect log, oldest first. */
  readonly effects: readonly Effect[];
  /** Every message of the log stream, in stream order. */
  readonly log: readonly LogMessage[];
  /** The last sequence the log stream claims to hold. */
  readonly logLastSeq: number;
  readonly models: ReadModelEvidence;
  readonly commands: { readonly primary: readonly CommandRow[]; readonly replica: readonly CommandRow[] };
  /** Rows of `spark_audit`, where the product has one. */
  readonly audit: readonly AuditRow[] | undefined;
  /** Files that append tokens go into, as they lie in the projects now, by `editor:path`; null: absent. */
  readonly files: Readonly<Record<string, string | null>>;
  readonly telemetry: TelemetryEvidence | undefined;
  /** Wall clock, epoch ms, of the moment all this was collected. */
  readonly collectedAtMs: number;
  /** What could not be read. What is here of it is empty, and proves nothing. */
  readonly unread: readonly Unread[];
}

export type Source = 'log' | 'telemetry' | 'primary' | 'replica' | 'effects' | 'files';

export interface Unread {
  readonly source: Source;
  /** What was said instead of an answer. */
  readonly said: string;
}

export interface Effect {
  readonly n: number;
  readonly at: string;
  readonly editor: string;
  readonly tool: string;
  readonly path: string | null;
  readonly beforeSha: string | null;
  readonly afterSha: string | null;
  readonly commandId: string | null;
  readonly attempt: number | null;
}

export interface LogMessage {
  readonly streamSeq: number;
  readonly partition: number;
  /** JetStream's publish time, epoch ms. */
  readonly tsMs: number;
  /** Undefined: not a message of SPARK's (a server acknowledgement that somebody sent there). Empty: an owner's claim. */
  readonly events: readonly LogEvent[] | undefined;
}

export interface LogEvent {
  readonly kind: string;
  readonly eventId: string;
  readonly type: string;
  readonly commandId: string;
  readonly sessionId: string;
  readonly editor: string;
  readonly timestamp: string;
  readonly outcome?: string;
  readonly envelope?: {
    readonly type: string;
    readonly idempotencyKey: string | null;
    readonly actor: string;
    readonly payloadSha: string;
    readonly acceptedAt: string;
    readonly deadline?: string | null;
  };
  readonly position?: {
    readonly stream?: string;
    readonly partition: number;
    readonly seq: number;
    readonly index: number;
  };
  readonly token?: { readonly epoch: number; readonly call: number; readonly partition?: number };
  readonly intent?: FileIntent | null;
  readonly intents?: readonly FileIntent[];
  readonly build?: { readonly outputPath: string };
  readonly change?: Move;
  readonly changes?: readonly Move[];
  readonly preview?: { readonly cached?: boolean; readonly frameSha256: string };
  readonly error?: { readonly code: string; readonly message: string };
  readonly result?: Readonly<Record<string, unknown>>;
}

export interface FileIntent {
  readonly path: string;
  readonly editor: string;
  readonly before: { readonly sha256: string } | null;
  readonly after: { readonly sha256: string } | null;
  /** Every state the file passes through; "" for absent. */
  readonly waypoints: readonly string[];
}

export interface Move {
  readonly direction: 'apply' | 'undo' | 'redo';
  readonly operation: {
    readonly operationId: string;
    readonly editor: string;
    readonly path: string;
    readonly before: { readonly sha256: string } | null;
    readonly after: { readonly sha256: string } | null;
    readonly madeAt?: string;
  };
}

export interface CommandRow {
  readonly commandId: string;
  readonly state: string;
  readonly actor: string | null;
  readonly acceptedAt: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

export interface AuditRow {
  readonly commandId: string;
  readonly actor: string | null;
  readonly at: string | null;
}

/** One table as its rows' keys and digests: equal dumps are equal rows, byte for byte of their text. */
export interface TableDump {
  readonly table: string;
  /** Digest by key; two rows of one key are two digests. */
  readonly rows: ReadonlyMap<string, readonly string[]>;
}

export interface ReadModelEvidence {
  /** What the product's rebuild folds from the log into an empty database. */
  readonly folded: readonly TableDump[];
  readonly primary: readonly TableDump[];
  readonly replica: readonly TableDump[];
  /** The live database after its own rebuild in place; undefined when that was not done. */
  readonly rebuilt: readonly TableDump[] | undefined;
  /** Why the product's rebuild gave nothing, into an empty database or in place; undefined: it worked. */
  readonly foldError?: string | undefined;
  readonly rebuildError?: string | undefined;
  /** `spark_events` of primary and replica as (seq, event id), to be held against the log itself. */
  readonly eventKeys: {
    readonly primary: readonly EventKey[];
    readonly replica: readonly EventKey[];
  };
}

export interface EventKey {
  readonly seq: number;
  readonly eventId: string;
}

/** The telemetry stream's own word, of the server's present life (it lies in memory). */
export interface TelemetryEvidence {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly kept: number;
  /** What lies in it: which command each message is about. */
  readonly commandIds: readonly string[];
}

/** `seq` of an event as readers see it. */
export const seqOf = (streamSeq: number, index: number): number => streamSeq * 1_024 + index;

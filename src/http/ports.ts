import type { CommandRequest } from '../commands/envelope.js';
import type { Refusal } from '../commands/problems.js';
import type { LoggedEvent } from '../events/event.js';
import type { CommandState } from '../events/outcome.js';
import type { EditorsAnswer } from './editorsPort.js';

/** What the HTTP side needs of the rest; app.ts joins them. */

export type SubmitResult =
  | {
      readonly kind: 'accepted';
      readonly commandId: string;
      /** The key named a command that was there already: nothing new was stored. */
      readonly duplicate: boolean;
      readonly status: CommandState;
    }
  /** The request itself is wrong; `idempotency_mismatch` too. */
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** Above the high water mark, or the stream is full. */
  | {
      readonly kind: 'saturated';
      readonly retryAfterMs: number;
      readonly queuePosition: number;
      readonly reason: string;
    }
  /** Above a rate limit; nothing was stored. */
  | {
      readonly kind: 'rate_limited';
      /** `actor`, `session`, or the command type (or family) whose limit it is. */
      readonly limit: string;
      readonly count: number;
      readonly windowSeconds: number;
      readonly retryAfterMs: number;
    }
  /** The stream could not be reached in time: not acknowledged; the same key may be sent again safely. */
  | { readonly kind: 'unavailable'; readonly retryAfterMs: number; readonly reason: string };

/** What must be durable before the commands are: run only when the limits let them through, and nothing is stored when it rejects. */
export type BeforeStore = () => Promise<void>;

export interface Submitter {
  /** Stores requests that were validated by `validatePayload`, batched with whatever else arrives; answers in their order. Never throws. */
  submit(requests: readonly CommandRequest[], beforeStore?: BeforeStore): Promise<SubmitResult[]>;
}

/** What the workers know of a command right now; fresher than any read model. */
export interface CommandStatus {
  readonly commandId: string;
  readonly state: CommandState;
  readonly attempts: number;
  readonly outcome: { readonly result?: unknown; readonly error?: unknown } | null;
  /** Why it has not ended yet; asked for one command at a time. */
  readonly waiting?: { readonly reason: string; readonly since: string | null };
}

export interface UndoPlan {
  readonly ok: boolean;
  /** When not ok: `nothing_to_undo`, `unknown_operation`, `conflict`, `editor_away`, … */
  readonly code?: string;
  readonly message?: string;
  readonly operationId?: string;
  readonly editor?: string;
  readonly path?: string;
  /** How many operations would be moved, and how many files that changes. */
  readonly operations?: number;
  readonly filesTotal?: number;
  /** Output paths of builds that a rollback goes back behind. */
  readonly buildsRemoved?: readonly string[];
  readonly files?: readonly {
    readonly editor: string;
    readonly path: string;
    readonly operationIds: readonly string[];
    readonly diff?: string;
  }[];
  /** Unified diff of what would change. */
  readonly diff?: string;
  /** Says that not everything is shown, and where the line is. */
  readonly cut?: string;
}

/** What a dry run asks: `to` (an operation or a moment) for a rollback. */
export interface UndoPlanRequest {
  readonly sessionId: string;
  readonly direction: 'undo' | 'redo' | 'rollback';
  readonly operationId?: string;
  readonly to?: string;
}

export interface WorkerQueries {
  /** The workers' own word on commands; those they don't know are missing. Resolves to [] when no worker answers in time. */
  status(commandIds: readonly string[]): Promise<CommandStatus[]>;
  /** Every editor the owner knows; undefined when no worker answers. */
  editors(): Promise<EditorsAnswer | undefined>;
  /** What an undo or redo would do now; undefined when no worker answers. */
  planUndo(request: UndoPlanRequest): Promise<UndoPlan | undefined>;
  /** Stores what an operator found out about an unknown outcome, once; undefined when no worker answers. */
  reconcile(request: ReconcileRequest): Promise<ReconcileReply | undefined>;
}

export interface ReconcileRequest {
  readonly commandId: string;
  readonly verdict: 'applied' | 'not_applied';
  readonly text: string;
  readonly actor: string;
}

export type ReconcileReply =
  | { readonly ok: true; readonly eventId: string; readonly timestamp: string }
  /** `no_worker`, `not_unknown`, `already_reconciled`. */
  | { readonly ok: false; readonly code: string; readonly message: string };

/** How a command began, as its `started` event said: the times are those of the read models. */
export interface CommandBeginning {
  readonly type: string;
  readonly actor: string;
  readonly idempotencyKey: string | null;
  /** ISO 8601, JetStream's time of the accept. */
  readonly acceptedAt: string;
  /** ISO 8601, JetStream's time of the event; null for one that ended without a start. */
  readonly startedAt: string | null;
}

/** The log as it grows, in this process. */
export interface Feed {
  /** `seq` of the newest event this process has seen; events up to here are found in the read models or soon will be. */
  lastSeq(): number;
  /** Calls back for each new event of a session, in log order. Returns the unsubscribe. */
  onSession(sessionId: string, listener: (logged: LoggedEvent) => void): () => void;
  /** What this process saw of a command's beginning; undefined when it began before this process listened, or long ago. */
  beginning(commandId: string): CommandBeginning | undefined;
  /** Resolves with the command's terminal event once it is seen after this call; undefined after the timeout or an abort. */
  terminal(commandId: string, timeoutMs: number, signal: AbortSignal): Promise<LoggedEvent | undefined>;
}

/** Where it is written down what was done about dead letters. */
export interface DeadLetterActions {
  /** Resolves when it is durable; the same action again changes nothing. Waits out an outage; rejects when the process stops. */
  append(action: {
    readonly action: 'redriven' | 'dropped';
    /** The letter's sequence in its stream. */
    readonly letterId: number;
    readonly actor: string;
    readonly newCommandId?: string;
    /** The how-manieth redrive of the letter, 1-based. */
    readonly redrive?: number;
    /** Of the command that the redrive made. */
    readonly payloadSha?: string;
  }): Promise<void>;
}

/** Bytes by sha-256: the images of the undo log. */
export interface Images {
  /** Undefined for one that is not there. */
  get(sha256: string): Promise<Uint8Array | undefined>;
  /** Stores each once; resolves when all are durable. */
  put(images: readonly { readonly sha256: string; readonly bytes: Uint8Array }[]): Promise<void>;
}

/** Where wishes to cancel are kept. */
export interface Cancellations {
  /** Resolves when the wish is durable; the same one again changes nothing. Rejects when the stream does not answer. */
  cancel(request: {
    readonly commandId: string;
    readonly reason: string | null;
    readonly actor: string;
    /** ISO 8601. */
    readonly at: string;
  }): Promise<void>;
}

/** One named check of `/readyz`. */
export interface ReadinessCheck {
  readonly name: string;
  check(signal: AbortSignal): Promise<{ ok: boolean; detail: string }>;
}

import type { CommandRequest } from '../commands/envelope.js';
import type { Refusal } from '../commands/problems.js';
import type { LoggedEvent } from '../events/event.js';
import type { CommandState } from '../events/outcome.js';

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
  /** The stream could not be reached in time: not acknowledged; the same key may be sent again safely. */
  | { readonly kind: 'unavailable'; readonly retryAfterMs: number; readonly reason: string };

export interface Submitter {
  /** Stores requests that were validated by `validatePayload`, batched with whatever else arrives; answers in their order. Never throws. */
  submit(requests: readonly CommandRequest[]): Promise<SubmitResult[]>;
}

/** What the workers know of a command right now; fresher than any read model. */
export interface CommandStatus {
  readonly commandId: string;
  readonly state: CommandState;
  readonly attempts: number;
  readonly outcome: { readonly result?: unknown; readonly error?: unknown } | null;
}

export interface UndoPlan {
  readonly ok: boolean;
  /** When not ok: `nothing_to_undo`, `unknown_operation`, `conflict`, `editor_away`, … */
  readonly code?: string;
  readonly message?: string;
  readonly operationId?: string;
  readonly editor?: string;
  readonly path?: string;
  /** Unified diff of what would change. */
  readonly diff?: string;
}

export interface WorkerQueries {
  /** The workers' own word on commands; those they don't know are missing. Resolves to [] when no worker answers in time. */
  status(commandIds: readonly string[]): Promise<CommandStatus[]>;
  /** What an undo or redo would do now; undefined when no worker answers. */
  planUndo(request: {
    sessionId: string;
    direction: 'undo' | 'redo';
    operationId?: string;
  }): Promise<UndoPlan | undefined>;
}

/** The log as it grows, in this process. */
export interface Feed {
  /** `seq` of the newest event this process has seen; events up to here are found in the read models or soon will be. */
  lastSeq(): number;
  /** Calls back for each new event of a session, in log order. Returns the unsubscribe. */
  onSession(sessionId: string, listener: (logged: LoggedEvent) => void): () => void;
  /** Resolves with the command's terminal event once it is seen after this call; undefined after the timeout or an abort. */
  terminal(commandId: string, timeoutMs: number, signal: AbortSignal): Promise<LoggedEvent | undefined>;
}

/** One named check of `/readyz`. */
export interface ReadinessCheck {
  readonly name: string;
  check(signal: AbortSignal): Promise<{ ok: boolean; detail: string }>;
}

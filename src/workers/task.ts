import type { Command } from '../commands/envelope.js';
import type {
  CompletedEvent,
  CreatedFolder,
  EventError,
  FailureOutcome,
  StartedEvent,
} from '../events/event.js';
import type { Direction } from './decideUndo.js';
import type { ChangeStep, FileChange } from './editor.js';
import type { TrackedItem } from './inFlight.js';

/** Where a command came from and how its end is told there. */
export type Origin =
  | { readonly kind: 'stream'; readonly item: TrackedItem }
  | { readonly kind: 'parked'; readonly parkedSeq: number };

/** A command in a lane. */
export interface Task {
  readonly command: Command;
  origin: Origin;
  /** Calls made or about to be made; 0 before the first. An editor that is away spends none. */
  attempts: number;
  /** The stored intent, once there is one: from an earlier life of this worker too. */
  started: StartedEvent | undefined;
  /** Monotonic ms when this worker first touched it. */
  beganMs: number | undefined;
  /** Monotonic ms before which its session waits (backoff). */
  notBeforeMs: number;
  lastError: string | undefined;
  /** What is being done to a file, kept between goes; undefined before the intent and after a restart. */
  change: PreparedChange | undefined;
  /** An earlier call may still be under way: wait until the editor has answered a ping before looking at the file. */
  mustDrain: boolean;
  /** A call was sent whose effect is not certain to be absent. */
  mayHaveRun: boolean;
  /** The step of the call that counts last: that step again is a new attempt. `somewhere`: an earlier life may have called. */
  calledAt: number | 'somewhere' | undefined;
}

/** A file change with its plan, as intended and stored. */
export interface PreparedChange {
  readonly editor: string;
  readonly change: FileChange;
  readonly steps: readonly ChangeStep[];
  readonly waypoints: readonly string[];
  readonly direction: 'apply' | Direction;
  readonly operationId: string;
  readonly tool: string;
  /** With `apply`: folders that were not there before. */
  readonly missingFolders: readonly string[];
  /** With undo and redo: folders that the operation had made. */
  readonly createdFolders: readonly CreatedFolder[];
}

/** How far a command had come when it left memory. */
export type Progress = Pick<Task, 'attempts' | 'mustDrain' | 'mayHaveRun' | 'calledAt' | 'lastError'>;

export const progressOf = ({ attempts, mustDrain, mayHaveRun, calledAt, lastError }: Task): Progress => ({
  attempts,
  mustDrain,
  mayHaveRun,
  calledAt,
  lastError,
});

/** Without a known progress a stored intent means that one call may have been made. */
export function newTask(
  command: Command,
  origin: Origin,
  started: StartedEvent | undefined,
  progress?: Progress,
): Task {
  return {
    command,
    origin,
    attempts: started?.intent ? 1 : 0,
    started,
    beganMs: undefined,
    notBeforeMs: 0,
    lastError: undefined,
    change: undefined,
    mustDrain: started !== undefined,
    mayHaveRun: started?.intent != null,
    calledAt: started?.intent ? 'somewhere' : undefined,
    ...progress,
  };
}

/** What became of one go at a command: a closed set, settled in one place (settle.ts). */
export type Verdict =
  | {
      readonly kind: 'completed';
      readonly result: Readonly<Record<string, unknown>>;
      readonly change?: CompletedEvent['change'];
      readonly preview?: CompletedEvent['preview'];
    }
  | {
      readonly kind: 'failed';
      readonly outcome: FailureOutcome;
      readonly error: EventError;
      readonly operationId?: string;
      /** Attempts are exhausted: a dead letter too. */
      readonly exhausted?: boolean;
    }
  /** The editor is away: the lane waits, no attempt is spent. */
  | { readonly kind: 'hold'; readonly reason: string; readonly retryAfterMs: number }
  /** Try again later: only this session's lane waits. */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs: number };

export const failed = (outcome: FailureOutcome, error: EventError): Verdict => ({
  kind: 'failed',
  outcome,
  error,
});

import { definitionOf } from '../../commands/catalogue.js';
import type { Command } from '../../commands/envelope.js';
import type {
  CompletedEvent,
  CreatedFolder,
  EventError,
  FailedEvent,
  FailureOutcome,
  StartedEvent,
  UsageRecord,
} from '../../events/event.js';
import type { ChangeStep, FileChange } from '../editor.js';
import type { CancelRequest } from '../ports.js';
import type { Direction } from '../undo/decideUndo.js';
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
  /** As `change`, of a command that changes several files as one. */
  unit?: Unit | undefined;
  /** An earlier call may still be under way: wait until the editor has answered a ping before looking at the file. */
  mustDrain: boolean;
  /** A call was sent whose effect is not certain to be absent. */
  mayHaveRun: boolean;
  /** The step of the call that counts last: that step again is a new attempt. `somewhere`: an earlier life may have called. */
  calledAt: number | 'somewhere' | undefined;
  /** Monotonic ms of the newest call that may have begun a build; undefined: no call in this life of the worker. */
  calledMs?: number;
  /** It has been counted against the rate limits. */
  ratePassed?: boolean;
  /** Somebody does not want it any more. */
  cancel?: CancelRequest;
  /** The editor has taken the wish to cancel. */
  cancelAsked?: boolean;
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

/** One file of a unit. */
export interface UnitFile {
  readonly prepared: PreparedChange;
  /** The operations it makes or moves, oldest first. */
  readonly operationIds: readonly string[];
  /** The file's own part of the command: its attempts, and what may have run. */
  readonly task: Task;
  /** Once the file is as intended: what became of it. */
  done?: Extract<Verdict, { kind: 'completed' }>;
  /** The way back, once the unit has failed: under way, or how it ended. */
  back?: { readonly task: Task; readonly prepared: PreparedChange } | 'taken_back' | 'untouched' | 'stays';
}

/** Files that are changed together, in order: all of them or none. */
export interface Unit {
  readonly direction: PreparedChange['direction'];
  readonly files: readonly UnitFile[];
  /** Which file ended it and how: what is done is taken back, and then this is the end. */
  failure?: { readonly file: UnitFile; readonly verdict: Extract<Verdict, { kind: 'failed' }> };
  /** Taken up from the log: whether a file was begun before is found by looking. */
  resumed: boolean;
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
    attempts: mayHaveCalled(started) ? 1 : 0,
    started,
    beganMs: undefined,
    notBeforeMs: 0,
    lastError: undefined,
    change: undefined,
    mustDrain: started !== undefined,
    mayHaveRun: mayHaveCalled(started),
    calledAt: started?.intent ? 'somewhere' : undefined,
    ...progress,
  };
}

/** Whether an earlier life may have called the editor with something that is not simply asked again. */
function mayHaveCalled(started: StartedEvent | undefined): boolean {
  if (!started) return false;
  const opaque = definitionOf(started.envelope.type)?.effect === 'opaque';
  const { intent, intents, build } = started;
  return intent !== null || intents !== undefined || build !== undefined || opaque;
}

/** What became of one go at a command: a closed set, settled in one place (settle.ts). */
export type Verdict =
  | {
      readonly kind: 'completed';
      readonly result: Readonly<Record<string, unknown>>;
      readonly change?: CompletedEvent['change'];
      readonly changes?: CompletedEvent['changes'];
      readonly preview?: CompletedEvent['preview'];
      readonly build?: CompletedEvent['build'];
      /** Told as `usage.reported` beside the end. */
      readonly usage?: readonly UsageRecord[];
    }
  | {
      readonly kind: 'failed';
      readonly outcome: FailureOutcome;
      readonly error: EventError;
      readonly operationId?: string;
      /** What a unit could not take back. */
      readonly changes?: FailedEvent['changes'];
      readonly build?: FailedEvent['build'];
      /** Ends the event type instead of `failed`, e.g. `timeout`. */
      readonly suffix?: string;
      /** Attempts are exhausted: a dead letter too. */
      readonly exhausted?: boolean;
      /** Its key was another command's: it ends as a publish that was refused, under an id of its own. */
      readonly keyTaken?: true;
    }
  /** The editor is away: the lane waits, no attempt is spent. */
  | { readonly kind: 'hold'; readonly reason: string; readonly retryAfterMs: number }
  /** Try again later: only this session's lane waits. */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs: number }
  /**
   * It goes on by itself (a build that is watched): its session and its lane go on without it. `done` brings the end; it rejects when the
   * worker's ownership ends, and the command stays open for the next owner.
   */
  | { readonly kind: 'detached'; readonly done: Promise<FinalVerdict> };

export type FinalVerdict = Extract<Verdict, { kind: 'completed' | 'failed' }>;

export const failed = (outcome: FailureOutcome, error: EventError): Verdict => ({
  kind: 'failed',
  outcome,
  error,
});

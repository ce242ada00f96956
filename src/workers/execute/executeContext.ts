import type { Command } from '../../commands/envelope.js';
import type { Clock } from '../../core/clock.js';
import type { FenceToken } from '../../events/event.js';
import type { BuildJobs } from '../builds/buildJobs.js';
import type { BuildWatchLimits } from '../builds/decideBuild.js';
import type { EditorGate } from '../editor.js';
import type { RetryLimits } from '../lanes/backoff.js';
import type { Task } from '../lanes/task.js';
import type { Intent } from '../ledger/recorder.js';
import type { ImageStore, LiveFeed, Uploads } from '../ports.js';
import type { PresetPort } from '../presetPort.js';
import type { MediaServices } from '../servicesPort.js';
import type { UndoLog } from '../undo/undoLog.js';
import type { PreviewCache } from './previewCache.js';

/** What executing a command may use. */
export interface ExecuteContext {
  readonly gate: EditorGate;
  readonly images: ImageStore;
  readonly uploads: Uploads;
  /** Absent: this worker has none. */
  readonly presets?: PresetPort | undefined;
  /** Absent: this worker has none. */
  readonly services?: MediaServices | undefined;
  readonly undoLog: UndoLog;
  readonly jobs: BuildJobs;
  /** A command that this worker has taken and that has not ended. */
  readonly held: (
    commandId: string,
  ) => { readonly type: string; readonly editor: string; readonly sessionId: string } | undefined;
  readonly buildLimits: BuildWatchLimits;
  /** Whether `unity.call_tool` is switched on. */
  readonly callTool: boolean;
  readonly live: LiveFeed;
  readonly previews: PreviewCache;
  readonly clock: Clock;
  readonly retry: RetryLimits;
  readonly random: () => number;
  /** Stores the intent (once a command) and waits until it is durable, and the first of its key. Throws `KeyTakenError` where it is not. */
  readonly recordStarted: (task: Task, intent: Intent | null) => Promise<void>;
  /** Resolves when everything told of this editor so far is stored. */
  readonly recorded: (editor: string) => Promise<void>;
  /** The next fence token for a call of this command: higher than every earlier one of its partition, whichever editor it calls. */
  readonly nextToken: (command: Pick<Command, 'editor'>) => FenceToken;
  /** Resolves when everything that other workers have told so far is known here. */
  readonly level: () => Promise<void>;
  /** Whether another partition has used the key of a command that has not begun here. */
  readonly keyTaken: (command: Command) => boolean;
  /** One command at a time per editor, whichever lane it came by (an undo may be about another editor's file). */
  readonly exclusive: <T>(editor: string, work: () => Promise<T>) => Promise<T>;
  readonly busy: (editor: string) => boolean;
  /** Whether another command has begun to move one of these operations and has not ended. */
  readonly beingMoved: (operationIds: readonly string[], commandId: string) => boolean;
  /** Whether an undo sent to another editor has begun on files of this one and has not ended. */
  readonly reachedOver: (editor: string) => boolean;
  readonly retried: (type: string) => void;
  /** Named points where a test may kill the process (reliability.md, "Crash points"). */
  readonly faultPoint: (name: FaultPoint) => void;
}

export const FAULT_POINTS = [
  'before_intent',
  'after_intent',
  'after_call',
  'after_probe',
  'before_finish',
  'after_finish',
  'before_ack',
] as const;
export type FaultPoint = (typeof FAULT_POINTS)[number];

import type { Clock } from '../core/clock.js';
import type { BuildWatchLimits } from './builds/decideBuild.js';
import type { EditorGate } from './editor.js';
import type { FaultPoint } from './execute/executeContext.js';
import type { RetryLimits } from './lanes/backoff.js';
import type { RateGate } from './lanes/heldBack.js';
import type {
  Cancels,
  CommandInbox,
  DeadLetters,
  ImageStore,
  LiveFeed,
  LogPort,
  Parking,
  Uploads,
} from './ports.js';
import type { PresetPort } from './presetPort.js';
import type { MediaServices } from './servicesPort.js';

/** Limits of one worker, units last. */
export interface WorkerLimits {
  readonly partitions: number;
  /** Commands delivered and not acknowledged; pulling stops at `queueWatermark` of it. */
  readonly maxInflight: number;
  readonly batchSize: number;
  readonly queueWatermark: number;
  readonly retry: RetryLimits;
  readonly ledger: { readonly maxKeys: number; readonly termMs: number };
  readonly parkAfterMs: number;
  /** Watching builds; an hour, 5 s and a minute when absent. */
  readonly builds?: BuildWatchLimits;
  /** Whether `unity.call_tool` is switched on; absent: no. */
  readonly callTool?: boolean;
  readonly maxHoldPollMs: number;
  /** Commands beside one lane at once (catalogue: `lane: 'beside'`); 8 when absent. */
  readonly maxBesideLane?: number;
  readonly drainMs: number;
  readonly duplicateWindowMs: number;
}

/** What a worker tells of itself; wired to metrics and logs by the app. */
export interface WorkerListener {
  finished(type: string, outcome: string, durationMs: number | null): void;
  startedAfter(type: string, acceptedToStartMs: number): void;
  retried(type: string): void;
  deadLettered(reason: string): void;
  holding(editor: string, reason: string | undefined): void;
  paused(paused: boolean): void;
  /** A preview was answered: from the cache, by a render, or by the render of another that waited for the same. */
  previewed?(source: 'hit' | 'miss' | 'shared'): void;
  warn(message: string, error: unknown): void;
  /** Ownership is lost: the worker has stopped and dropped what it held. */
  lost: (error: unknown) => void;
}

export interface WorkerDependencies {
  readonly inbox: CommandInbox;
  readonly log: LogPort;
  readonly images: ImageStore;
  readonly uploads: Uploads;
  /** What `preset.apply` writes; absent: none. */
  readonly presets?: PresetPort | undefined;
  /** CV and ASR; absent: none. */
  readonly services?: MediaServices | undefined;
  readonly deadLetters: DeadLetters;
  readonly parking: Parking;
  readonly live: LiveFeed;
  readonly gate: EditorGate;
  readonly clock: Clock;
  readonly limits: WorkerLimits;
  readonly listener: WorkerListener;
  readonly random: () => number;
  readonly partitionOf: (editor: string) => number;
  /** The id of a command that is named by its place in the command stream. */
  readonly commandIdOfPosition: (seq: number, index: number) => string;
  readonly faultPoint: (name: FaultPoint) => void;
  /** Whether an operator has paused the editor; a change is told by `Dispatcher.kick`. Absent: never. */
  readonly paused?: (editor: string) => boolean;
  /** Rate limits for what was published past ingest; absent: none. */
  readonly rate?: RateGate;
  /** Wishes to cancel; absent: nobody can. */
  readonly cancels?: Cancels;
}

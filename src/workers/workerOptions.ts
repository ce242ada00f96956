import type { Clock } from '../core/clock.js';
import type { RetryLimits } from './backoff.js';
import type { EditorGate } from './editor.js';
import type { FaultPoint } from './executeContext.js';
import type { CommandInbox, DeadLetters, ImageStore, LiveFeed, LogPort, Parking } from './ports.js';

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
  readonly maxHoldPollMs: number;
  readonly drainMs: number;
  readonly duplicateWindowMs: number;
}

/** What a worker tells of itself; wired to metrics and logs by the app. */
export interface WorkerListener {
  finished(type: string, outcome: string, durationMs: number | null): void;
  startedAfter(type: string, acceptedToStartMs: number): void;
  retried(reason: string): void;
  deadLettered(reason: string): void;
  holding(editor: string, reason: string | undefined): void;
  paused(paused: boolean): void;
  warn(message: string, error: unknown): void;
  /** Ownership is lost: the worker has stopped and dropped what it held. */
  lost: (error: unknown) => void;
}

export interface WorkerDependencies {
  readonly inbox: CommandInbox;
  readonly log: LogPort;
  readonly images: ImageStore;
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
}

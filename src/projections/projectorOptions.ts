import type pg from 'pg';
import type { Clock } from '../core/clock.js';
import type { ImageSource, LogSource } from './ports.js';

/** What one batch was and took; for metrics. */
export interface BatchStats {
  readonly messages: number;
  readonly events: number;
  /** Events and messages that became dead letters. */
  readonly poisoned: number;
  /** Of those, what was no event at all. */
  readonly unreadable: number;
  readonly imagesStored: number;
  /** Images that events name and the image store does not have. */
  readonly imagesMissing: number;
  /** `checkpoint.last_seq` after it. */
  readonly lastSeq: number;
  /** Publish time of its newest message. */
  readonly lastTsMs: number;
  /** Fold and images; overlaps the write of the batch before. */
  readonly prepareMs: number;
  /** The transaction. */
  readonly writeMs: number;
}

export interface LogProjectionOptions {
  /** As `spark_projector`: needs two connections. A direct connection: temporary tables and a session lock do not go through a pooler. */
  readonly pool: pg.Pool;
  readonly logSource: LogSource;
  readonly imageSource: ImageSource;
  readonly clock: Clock;
  /** Partitions hold an hour, not a day, while the log grows faster than this (partitionPace.ts). */
  readonly hourAboveEventsPerS?: number | undefined;
  readonly onBatch?: (stats: BatchStats) => void;
  /** Commands whose rows are visible now. */
  readonly onCommands?: (commandIds: readonly string[]) => void;
}

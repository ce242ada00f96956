import type { LogProjectionOptions } from '../projectorOptions.js';
import type { RebuildProgress } from './meter.js';

/** What every kind of rebuild needs. `pool` is `spark_projector`'s, of at least five connections. */
export interface RebuildOptions extends LogProjectionOptions {
  readonly signal: AbortSignal;
  /** Read models, by name; none: all. */
  readonly names?: readonly string[];
  /** Which build of SPARK this is: an interrupted rebuild of another one is not gone on with. */
  readonly build?: string;
  /** Begin at the beginning even where an interrupted rebuild could go on. */
  readonly anew?: boolean;
  /** Go on although the beginning of the history is in neither the stream nor `spark_events`. */
  readonly acceptLoss?: boolean;
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** How long readers that began before a slot was closed may go on (slots/switch.ts). */
  readonly settleMs?: number;
  /** The readers see the new version; what follows only tidies up, and may be cut off. */
  readonly onFlipped?: () => void;
}

export interface RebuildResult {
  /** What readers see a new version of. */
  readonly flipped: readonly string[];
  /** Folded now, without what an interrupted rebuild had done. */
  readonly events: number;
  readonly poisoned: number;
  /** Images that events name and no store has. */
  readonly imagesMissing: number;
  /** `spark_events.seq` up to which the new version is complete at the flip. */
  readonly untilSeq: number;
  /** It went on where an interrupted one had stopped. */
  readonly resumed: boolean;
  /** From the first event to the flip, without waiting for readers. */
  readonly durationMs: number;
}

import type pg from 'pg';
import { withProjectorConnection } from '../projectorConnection.js';
import { beginRebuild } from './begin.js';
import { IndexRefusedError } from './errors.js';
import { Meter } from './meter.js';
import type { RebuildOptions, RebuildResult } from './options.js';
import { inRebuildPlace } from './place.js';
import { IdleRun } from './run.js';
import { settle } from './settle.js';
import { switchOver } from './switchOver.js';

/**
 * Makes read models anew beside those that readers see, from the log and with the live fold, and then lets readers see the new version,
 * all in one transaction. Live projection goes on meanwhile. Ended or killed at any point, readers keep what they had; a rerun goes on where
 * it was. Also the cure for `StreamChangedError` and `LogShorterThanCheckpointError` (all read models; then start the projector again).
 * @throws RebuildRunningError, UnknownReadModelError, OnlyAllError, HistoryGoneError, and the signal's reason
 */
export async function rebuild(options: RebuildOptions): Promise<RebuildResult> {
  const { pool, clock, signal } = options;
  return inRebuildPlace(pool, clock, signal, async (control) => {
    const result = await buildAndFlip(control, options, false).catch((error: unknown) => {
      if (!(error instanceof IndexRefusedError)) throw error;
      // Live, the row in question is refused when it is written: with the indexes in place it is here too.
      return buildAndFlip(control, { ...options, anew: true }, true);
    });
    options.onFlipped?.();
    await settle(control, options, result.flipped);
    return result;
  });
}

async function buildAndFlip(
  control: pg.ClientBase,
  options: RebuildOptions,
  keepIndexes: boolean,
): Promise<RebuildResult> {
  const { pool, clock, signal, onProgress, build = '' } = options;
  // How much there is to do is known when the slot is empty.
  const meter = new Meter(clock.monotonicMs(), 0, 1);
  meter.enter('emptying');
  onProgress?.(meter.now());
  const job = await beginRebuild(control, options, keepIndexes);
  const beganMs = clock.monotonicMs();
  return withProjectorConnection(pool, clock, signal, async (client) => {
    const run = new IdleRun(control, client, options, job);
    const untilSeq = await run.awake(async () => {
      await run.catchUp();
      return switchOver(
        control,
        {
          ...{ job, build, fold: run.fold, flip: job.plan.flip, whole: job.plan.whole },
          rolesAfter: (table) => (job.plan.flip.includes(table) ? 'previous' : 'helper'),
        },
        signal,
      );
    });
    const durationMs = clock.monotonicMs() - beganMs;
    return { ...run.counts, flipped: job.plan.flip, untilSeq, resumed: job.resumed, durationMs };
  });
}

import { pause } from '../core/clock.js';
import { streamSeqOf } from '../events/event.js';
import { inTransaction } from '../postgres/transaction.js';
import { LOG_CHECKPOINT, resetCheckpoint } from './checkpoint.js';
import { ProjectorRunningError } from './errors.js';
import { ImageStore } from './images/store.js';
import { openLogSession } from './openLogSession.js';
import { tryTakePlace, withProjectorConnection } from './projectorConnection.js';
import type { LogProjectionOptions } from './projectorOptions.js';
import { READ_MODELS } from './readModels.js';

/** How long to wait for a projector that is stopping. */
const PLACE_WAIT_MS = 20_000;
const PLACE_POLL_MS = 100;

export interface RebuildOptions extends LogProjectionOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: { streamSeq: number; untilStreamSeq: number; events: number }) => void;
  readonly placeWaitMs?: number;
}

export interface RebuildResult {
  readonly events: number;
  readonly untilStreamSeq: number;
  readonly durationMs: number;
}

/**
 * Empties every read model and folds the whole log again, up to where it ends now. Readers see the models fill up meanwhile.
 * Interrupted, it leaves a checkpoint from which a projector goes on: the result is the same. Also the cure for
 * `StreamChangedError` and `LogShorterThanCheckpointError`.
 * @throws ProjectorRunningError when a projector keeps its place
 */
export async function rebuild(options: RebuildOptions): Promise<RebuildResult> {
  const { pool, clock, logSource, signal } = options;
  const beganMs = clock.monotonicMs();
  let events = 0;
  return withProjectorConnection(pool, clock, signal, async (client) => {
    const deadlineMs = beganMs + (options.placeWaitMs ?? PLACE_WAIT_MS);
    while (!(await tryTakePlace(client, LOG_CHECKPOINT))) {
      signal.throwIfAborted();
      if (clock.monotonicMs() > deadlineMs)
        throw new ProjectorRunningError(
          'a projector is at work: stop SPARK (or its projector), then rebuild',
        );
      await pause(clock, PLACE_POLL_MS, signal);
    }
    const created = await logSource.created();
    await inTransaction(client, async () => {
      await client.query(`TRUNCATE ${READ_MODELS.map(({ table }) => `spark.${table}`).join(', ')}`);
      await client.query(`DELETE FROM spark.spark_dead_letters WHERE source = 'projector'`);
      await resetCheckpoint(client, LOG_CHECKPOINT, created);
    });
    const untilStreamSeq = await logSource.lastStreamSeq();
    const onBatch: RebuildOptions['onBatch'] = (stats) => {
      events += stats.events;
      options.onBatch?.(stats);
      options.onProgress?.({ streamSeq: streamSeqOf(stats.lastSeq), untilStreamSeq, events });
    };
    const images = new ImageStore(pool, options.imageSource);
    const session = await openLogSession(client, { ...options, onBatch }, images, untilStreamSeq);
    if (untilStreamSeq > 0) await session.run(signal);
    signal.throwIfAborted();
    return { events, untilStreamSeq, durationMs: clock.monotonicMs() - beganMs };
  });
}

import type pg from 'pg';
import { streamSeqOf } from '../events/event.js';
import { LOG_CHECKPOINT, openCheckpoint } from './checkpoint.js';
import { LogShorterThanCheckpointError } from './errors.js';
import type { ImageStore } from './images/store.js';
import { LogSession } from './logSession.js';
import type { LogProjectionOptions } from './projectorOptions.js';

const CURE = 'rebuild the read models from it: `spark rebuild`.';

/**
 * A session at the checkpoint, after making sure that the log is the one the read models come from.
 * @throws StreamChangedError, LogShorterThanCheckpointError
 */
export async function openLogSession(
  client: pg.ClientBase,
  options: LogProjectionOptions,
  images: ImageStore,
  untilStreamSeq?: number,
): Promise<LogSession> {
  const { logSource } = options;
  const streamCreated = await logSource.created();
  const { lastSeq } = await openCheckpoint(client, LOG_CHECKPOINT, streamCreated, CURE);
  const logEnd = await logSource.lastStreamSeq();
  if (streamSeqOf(lastSeq) > logEnd) {
    throw new LogShorterThanCheckpointError(
      `the log ends at message ${logEnd}, but the read models hold message ${streamSeqOf(lastSeq)}: the log lost its newest ` +
        `messages (a restored backup, a power cut without strict fsync). If that is so, ${CURE}`,
      { fields: { logEnd, lastSeq } },
    );
  }
  return new LogSession(client, options, images, { lastSeq, streamCreated, untilStreamSeq });
}

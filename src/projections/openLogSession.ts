import type pg from 'pg';
import { streamSeqOf } from '../events/event.js';
import { LOG_CHECKPOINT, openCheckpoint } from './checkpoint.js';
import { LogShorterThanCheckpointError } from './errors.js';
import { LogSession } from './logSession.js';
import type { LogProjectionOptions } from './projectorOptions.js';
import { readTables } from './slots/readTables.js';
import type { Tables } from './slots/tables.js';

const CURE = 'rebuild the read models from it (`spark rebuild all`), then start SPARK again.';

export interface LogSessionPlace {
  /** Whose position is read and moved; the live projector's by default. */
  readonly checkpoint?: string;
  /** Where rows go; by default to the live tables, and after them when they are flipped. */
  readonly tables?: Tables;
}

/**
 * A session at the checkpoint, after making sure that the log is the one the read models come from.
 * @throws StreamChangedError, LogShorterThanCheckpointError
 */
export async function openLogSession(
  client: pg.ClientBase,
  options: LogProjectionOptions,
  { checkpoint = LOG_CHECKPOINT, tables }: LogSessionPlace = {},
): Promise<LogSession> {
  const { logSource } = options;
  const streamCreated = await logSource.created();
  const { lastSeq } = await openCheckpoint(client, checkpoint, streamCreated, CURE);
  const logEnd = await logSource.lastStreamSeq();
  if (streamSeqOf(lastSeq) > logEnd) {
    throw new LogShorterThanCheckpointError(
      `the log ends at message ${logEnd}, but the read models hold message ${streamSeqOf(lastSeq)}: the log lost its newest ` +
        `messages (a restored backup, a power cut without strict fsync). If that is so, ${CURE}`,
      { fields: { logEnd, lastSeq } },
    );
  }
  return new LogSession(client, options, {
    checkpoint,
    lastSeq,
    streamCreated,
    untilSeq: undefined,
    tables: tables ?? (await readTables(client)),
  });
}

import type { Queryable } from '../postgres/transaction.js';
import { CheckpointMovedError, StreamChangedError } from './errors.js';

/** Where a projection stands. `lastSeq` is in the unit of its stream: `spark_events.seq` for the log, the stream sequence for others. */
export interface Checkpoint {
  readonly lastSeq: number;
  readonly lastTsMs: number | null;
  readonly streamCreated: string;
}

interface Row {
  last_seq: string;
  last_ts: Date | null;
  stream_created: string;
}

/** Names of the projections. */
export const LOG_CHECKPOINT = 'log';
export const DEAD_LETTER_CHECKPOINT = 'dead_letters';
export const DEAD_LETTER_ACTION_CHECKPOINT = 'dead_letter_actions';
export const OVERLAY_CHECKPOINT = 'accepted_overlay';

export async function readCheckpoint(db: Queryable, name: string): Promise<Checkpoint | undefined> {
  const { rows } = await db.query<Row>(
    'SELECT last_seq, last_ts, stream_created FROM spark.checkpoints WHERE name = $1',
    [name],
  );
  const row = rows[0];
  return (
    row && {
      lastSeq: Number(row.last_seq),
      lastTsMs: row.last_ts === null ? null : row.last_ts.getTime(),
      streamCreated: row.stream_created,
    }
  );
}

/** The checkpoint, made at 0 when there is none. Throws `StreamChangedError` when it is of another stream. */
export async function openCheckpoint(
  db: Queryable,
  name: string,
  streamCreated: string,
  cure: string,
): Promise<Checkpoint> {
  await db.query(
    'INSERT INTO spark.checkpoints (name, last_seq, stream_created) VALUES ($1, 0, $2) ON CONFLICT (name) DO NOTHING',
    [name, streamCreated],
  );
  const found = await readCheckpoint(db, name);
  if (found === undefined) throw new CheckpointMovedError(`the checkpoint "${name}" vanished`);
  if (found.streamCreated !== streamCreated) {
    throw new StreamChangedError(name, found.streamCreated, streamCreated, cure);
  }
  return found;
}

/** Puts the checkpoint at the beginning of a stream, whatever it said. */
export async function resetCheckpoint(db: Queryable, name: string, streamCreated: string): Promise<void> {
  await db.query(
    `INSERT INTO spark.checkpoints (name, last_seq, last_ts, stream_created) VALUES ($1, 0, NULL, $2)
     ON CONFLICT (name) DO UPDATE SET last_seq = 0, last_ts = NULL, stream_created = excluded.stream_created`,
    [name, streamCreated],
  );
}

/**
 * Compare-and-set, first in the transaction that projects what lies between: it is what makes each event count once. It also
 * locks the row, so that a second projector waits here and then finds that it came too late. Answers how often read models were flipped
 * (`slots_version`): whoever knows another number knows other pointers.
 */
export async function advanceCheckpoint(
  db: Queryable,
  step: { name: string; fromSeq: number; toSeq: number; tsMs: number; streamCreated: string },
): Promise<number> {
  const { rows } = await db.query<{ version: number }>({
    name: 'advance-checkpoint',
    text: `UPDATE spark.checkpoints SET last_seq = $3, last_ts = to_timestamp($4::float8 / 1000)
           WHERE name = $1 AND last_seq = $2 AND stream_created = $5 RETURNING slots_version::int AS version`,
    values: [step.name, step.fromSeq, step.toSeq, step.tsMs, step.streamCreated],
  });
  const [row] = rows;
  if (row !== undefined) return row.version;
  throw new CheckpointMovedError(
    `another projector moved the checkpoint "${step.name}" away from ${step.fromSeq}: this one starts over from there`,
    { fields: { ...step } },
  );
}

import type pg from 'pg';
import { type Clock, pause } from '../../core/clock.js';
import { codeOf } from '../../core/errors.js';
import { inTransaction, type Queryable } from '../../postgres/transaction.js';
import { LOG_CHECKPOINT } from '../checkpoint.js';
import { CheckpointMovedError, SlotInUseError } from '../errors.js';
import type { TableName } from '../readModels.js';
import { type Slot, schemaOfSlot } from './slot.js';

/** Longer than a statement of a dashboard may take: afterwards nobody is left who began while the slot was in the views. */
const SETTLE_MS = 16_000;
/** Whoever asks for a table waits behind whoever waits to empty it: so that one gives up soon, and tries again. */
const LOCK_TIMEOUT_MS = 50;
const LOCK_RETRY_MS = 100;
const LOCK_NOT_AVAILABLE = '55P03';

export interface EmptyOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How long readers from before may go on. */
  readonly settleMs?: number;
}

/**
 * Empties a slot of these read models. Readers do not notice: first the views let go of the slot, and only when whoever read it through
 * them has ended, its tables are locked and emptied, all in one transaction. Safe to repeat; killed on the way it leaves all rows or none.
 * As `spark_projector`, outside a transaction.
 * @throws SlotInUseError when one of them is live in that slot
 */
export async function emptySlot(
  client: pg.ClientBase,
  readModels: readonly TableName[],
  slot: Slot,
  { clock, signal, settleMs = SETTLE_MS }: EmptyOptions,
): Promise<void> {
  await closeOldSlots(client, readModels);
  await pause(clock, settleMs - (await closedSinceMs(client, readModels, slot)), signal);
  const tables = readModels.map((table) => `${schemaOfSlot(slot)}.${table}`).join(', ');
  for (;;) {
    signal.throwIfAborted();
    try {
      await inTransaction(client, async () => {
        await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
        // Who flips has the rebuild's place (rebuild/place.ts), as the caller has: nothing is flipped in the very meantime.
        await closedSinceMs(client, readModels, slot);
        await client.query(`TRUNCATE ${tables}`);
      });
      return;
    } catch (error) {
      if (codeOf(error) !== LOCK_NOT_AVAILABLE) throw error;
      await pause(clock, LOCK_RETRY_MS, signal);
    }
  }
}

/** For how long no reader has touched the slot through a view, at most a day. */
async function closedSinceMs(db: Queryable, readModels: readonly TableName[], slot: Slot): Promise<number> {
  const { rows } = await db.query<{ live: string[] | null; since_ms: number }>(
    `SELECT array_agg(read_model) FILTER (WHERE slot = $2 OR readable <> slot) AS live,
       least(86400000, extract(epoch FROM min(clock_timestamp() - greatest(readable_since, '2000-01-01'))) * 1000)::float8 AS since_ms
     FROM spark.read_model_slots WHERE read_model = ANY($1::text[])`,
    [readModels, slot],
  );
  const live = rows[0]?.live ?? [];
  if (live.length > 0)
    throw new SlotInUseError(`readers use the ${slot} slot of ${live.join(', ')}: it cannot be emptied`, {
      fields: { slot, readModels: live },
    });
  return rows[0]?.since_ms ?? 0;
}

/**
 * Lets the views read the live slot alone. Any time after a flip, best once the statements of before have ended: until then readers with
 * an older snapshot find in the old slot what they began with.
 */
export async function closeOldSlots(db: Queryable, readModels: readonly TableName[]): Promise<void> {
  await db.query('SELECT spark.close_old_slots($1::text[])', [readModels]);
}

/** The log's checkpoint, its row locked until the caller's transaction ends: no batch of a projector and no flip comes in between. */
export async function lockLog(
  client: pg.ClientBase,
): Promise<{ readonly lastSeq: number; readonly lastTsMs: number | null; readonly streamCreated: string }> {
  const { rows } = await client.query<{ last_seq: string; last_ts: Date | null; stream_created: string }>(
    'SELECT last_seq, last_ts, stream_created FROM spark.checkpoints WHERE name = $1 FOR NO KEY UPDATE',
    [LOG_CHECKPOINT],
  );
  const [row] = rows;
  if (row === undefined) throw new CheckpointMovedError(`there is no checkpoint "${LOG_CHECKPOINT}"`);
  return {
    lastSeq: Number(row.last_seq),
    lastTsMs: row.last_ts?.getTime() ?? null,
    streamCreated: row.stream_created,
  };
}

/**
 * Makes a slot live for these read models, in the caller's transaction: readers see it with the commit, all of them at once, and a
 * projector at work writes its next batch there. Throws when the log has no checkpoint or a name is no read model.
 */
export async function flip(
  client: pg.ClientBase,
  readModels: readonly TableName[],
  slot: Slot,
): Promise<void> {
  await client.query('SELECT spark.flip_read_models($1::text[], $2)', [readModels, slot]);
}

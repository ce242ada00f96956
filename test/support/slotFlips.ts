import type pg from 'pg';
import { vi } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { READ_MODELS, type TableName } from '../../src/projections/readModels.js';
import type { Slot } from '../../src/projections/slots/slot.js';
import { emptySlot, flip, lockLog } from '../../src/projections/slots/switch.js';

export const ALL_MODELS: readonly TableName[] = READ_MODELS.map(({ table }) => table);

/**
 * Copies every row of the live slot to the other one and makes that live, in one transaction, as a rebuild ends. Images may be there already:
 * a projector stores those of its next batch ahead of it. As the owner.
 */
export async function copyAndFlip(client: pg.ClientBase, from: Slot, to: Slot): Promise<void> {
  await inTransaction(client, async () => {
    await lockLog(client);
    for (const table of ALL_MODELS) {
      const { rows } = await client.query<{ columns: string }>(
        `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns FROM pg_attribute
         WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
        [`spark_${from}.${table}`],
      );
      const columns = rows[0]?.columns ?? '';
      await client.query(
        `INSERT INTO spark_${to}.${table} (${columns}) SELECT ${columns} FROM spark_${from}.${table}
         ON CONFLICT DO NOTHING`,
      );
    }
    await flip(client, ALL_MODELS, to);
  });
}

/** The day partitions that the one slot has, in the other too. */
export async function sameDays(client: pg.ClientBase, from: Slot, to: Slot): Promise<void> {
  await client.query(
    `SELECT spark.ensure_partitions($2::text::name, parent.relname, array_agg(to_timestamp(right(part.relname, 8), 'YYYYMMDD')), false)
     FROM pg_inherits i JOIN pg_class parent ON parent.oid = i.inhparent JOIN pg_class part ON part.oid = i.inhrelid
     WHERE parent.relnamespace = $1::regnamespace AND parent.relkind = 'p' GROUP BY parent.relname`,
    [`spark_${from}`, `spark_${to}`],
  );
}

/** Empties the slot that is not live; readers of it are given `settleMs`. */
export async function emptyOther(client: pg.ClientBase, slot: Slot, settleMs: number): Promise<void> {
  const { signal } = new AbortController();
  await emptySlot(
    client,
    ALL_MODELS.filter((table) => table !== 'spark_images'),
    slot,
    {
      ...{ clock: systemClock, signal, settleMs },
    },
  );
  // The view of images stands over both slots: nobody may lock one of them.
  await client.query(`DELETE FROM spark_${slot}.spark_images`);
}

/** Resolves when the standby shows everything that the primary has written. */
export async function replayed(primary: pg.ClientBase, standby: pg.Pool): Promise<void> {
  const { rows } = await primary.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  await vi.waitFor(
    async () => {
      const answer = await standby.query<{ there: boolean }>(
        'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS there',
        [rows[0]?.lsn],
      );
      if (answer.rows[0]?.there !== true) throw new Error('the standby is behind');
    },
    { timeout: 10_000, interval: 20 },
  );
}

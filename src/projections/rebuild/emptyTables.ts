import type pg from 'pg';
import type { TableName } from '../readModels.js';
import { type Slot, schemaOfSlot } from '../slots/slot.js';
import { type EmptyOptions, emptySlot } from '../slots/switch.js';

/** Read models whose view names both slots: every reader of it touches the idle one too. */
const SEEN_IN_BOTH: readonly TableName[] = ['spark_images'];

/**
 * Empties tables of a slot that is not live, and takes away what only readers need (secondary indexes, autovacuum): rows go in faster
 * without, and `indexTables` brings it back. Readers do not notice (slots/switch.ts). As `spark_projector`.
 */
export async function emptyTables(
  client: pg.ClientBase,
  tables: readonly TableName[],
  slot: Slot,
  options: EmptyOptions,
): Promise<void> {
  const truncated = tables.filter((table) => !SEEN_IN_BOTH.includes(table));
  await withoutTimeout(client, async () => {
    if (truncated.length > 0) await emptySlot(client, truncated, slot, options);
    for (const table of tables) {
      // Nobody may wait behind a lock on what readers touch, so its rows are deleted one by one.
      if (SEEN_IN_BOTH.includes(table)) await client.query(`DELETE FROM ${schemaOfSlot(slot)}.${table}`);
      else await client.query('SELECT spark.begin_fill($1, $2)', [schemaOfSlot(slot), table]);
    }
  });
}

/** Makes the indexes that the live slot has, lets autovacuum in again, and the planner look at the rows. */
export async function indexTables(
  client: pg.ClientBase,
  tables: readonly TableName[],
  slot: Slot,
  signal: AbortSignal,
): Promise<void> {
  await withoutTimeout(client, async () => {
    for (const table of tables) {
      signal.throwIfAborted();
      await client.query('SELECT spark.make_slot_indexes($1, $2)', [schemaOfSlot(slot), table]);
    }
  });
}

/** What reads or writes a whole table takes as long as the table is large. */
async function withoutTimeout(client: pg.ClientBase, work: () => Promise<void>): Promise<void> {
  await client.query('SET statement_timeout = 0');
  try {
    await work();
  } finally {
    // Where the connection is lost this fails too, and nobody needs it.
    await client.query('RESET statement_timeout').catch(() => undefined);
  }
}

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

/**
 * As `indexTables`, on a connection of the pool beside `client`: the larger tables first, each connection the next that is left. One of two
 * cores was idle while 30 % of a rebuild's time went by here.
 */
export async function indexFilledTables(
  client: pg.ClientBase,
  pool: pg.Pool,
  tables: readonly TableName[],
  slot: Slot,
  signal: AbortSignal,
): Promise<void> {
  const left = await largestFirst(client, tables, slot);
  const failures: unknown[] = [];
  const work = async (connection: pg.ClientBase): Promise<void> => {
    for (let table = left.shift(); table !== undefined; table = left.shift())
      await indexTables(connection, [table], slot, signal);
  };
  // Whoever fails leaves nothing for the other to begin, who is waited for: nobody works on the slot when this ends.
  const failed = (error: unknown): void => {
    failures.push(error);
    left.length = 0;
  };
  const beside = await pool.connect();
  beside.on('error', () => undefined); // the query under way tells
  try {
    await Promise.all([work(client).catch(failed), work(beside).catch(failed)]);
  } finally {
    beside.release(true);
  }
  if (failures.length > 0) throw failures[0];
}

async function largestFirst(
  client: pg.ClientBase,
  tables: readonly TableName[],
  slot: Slot,
): Promise<TableName[]> {
  const { rows } = await client.query<{ name: TableName }>(
    `SELECT name FROM unnest($2::text[]) AS name
     ORDER BY (SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(format('%I.%I', $1::text, name)::regclass)) DESC, name`,
    [schemaOfSlot(slot), tables],
  );
  return rows.map(({ name }) => name);
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

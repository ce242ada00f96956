import type { Queryable } from '../../postgres/transaction.js';
import type { TableName } from '../readModels.js';

/** What the slot that is not live holds of a read model (migrations/0024_rebuilds.sql). */
export interface IdleTable {
  readonly table: TableName;
  /** Tables with the same one stand at the same place of the log. */
  readonly checkpoint: string;
  readonly role: IdleRole;
  readonly build: string;
}

export type IdleRole = 'building' | 'previous' | 'helper';

/** What is known of each; a table that is missing holds nothing that could be gone on with. */
export async function readIdleTables(db: Queryable): Promise<IdleTable[]> {
  const { rows } = await db.query<IdleTable>(
    'SELECT read_model AS table, checkpoint, role, build FROM spark.idle_read_models ORDER BY read_model',
  );
  return rows;
}

/** From now on nobody goes on with what these hold; checkpoints that no table stands at any more go too. */
export async function forgetIdleTables(db: Queryable, tables: readonly string[]): Promise<void> {
  await db.query('DELETE FROM spark.idle_read_models WHERE read_model = ANY($1::text[])', [tables]);
  await db.query(
    `DELETE FROM spark.checkpoints c WHERE c.name LIKE 'log:rebuild-%'
     AND NOT EXISTS (SELECT FROM spark.idle_read_models i WHERE i.checkpoint = c.name)`,
  );
}

export async function noteIdleTables(db: Queryable, idle: readonly IdleTable[]): Promise<void> {
  for (const { table, checkpoint, role, build } of idle)
    await db.query(
      `INSERT INTO spark.idle_read_models (read_model, checkpoint, role, build) VALUES ($1, $2, $3, $4)
       ON CONFLICT (read_model) DO UPDATE SET checkpoint = excluded.checkpoint, role = excluded.role, build = excluded.build`,
      [table, checkpoint, role, build],
    );
}

/** Pure: the checkpoint at which an interrupted rebuild of exactly these tables, by the same build, stopped. */
export function resumable(
  idle: readonly IdleTable[],
  tables: readonly string[],
  build: string,
): string | undefined {
  const begun = idle.filter((each) => each.role === 'building');
  const [first] = begun;
  const same = (each: IdleTable): boolean => each.checkpoint === first?.checkpoint && each.build === build;
  return begun.length === tables.length &&
    begun.every(same) &&
    begun.every(({ table }) => tables.includes(table))
    ? first?.checkpoint
    : undefined;
}

/** Pure: a name for a new checkpoint that none of these has. */
export function newCheckpointName(taken: readonly string[]): string {
  return `log:rebuild-${Math.max(0, ...taken.map(numberOf)) + 1}`;
}

/** Pure: later rebuilds have higher numbers, among those that something is left of. */
export function numberOf(checkpoint: string): number {
  return Number(/^log:rebuild-(\d+)$/.exec(checkpoint)?.[1] ?? 0);
}

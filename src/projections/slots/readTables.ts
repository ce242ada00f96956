import type { Queryable } from '../../postgres/transaction.js';
import { ReadModelMissingError } from '../errors.js';
import { READ_MODELS, type TableName } from '../readModels.js';
import type { Slot } from './slot.js';
import { Tables } from './tables.js';

/** One statement: version and pointers are of one moment. */
const READ = `
  SELECT read_model, slot, coalesce((SELECT slots_version FROM spark.checkpoints WHERE name = 'log'), 0)::int AS version
  FROM spark.read_model_slots`;

/**
 * Where every read model is live now, as this server knows it.
 * @throws ReadModelMissingError when the database does not know a read model of this build
 */
export async function readTables(db: Queryable): Promise<Tables> {
  const { rows } = await db.query<{ read_model: string; slot: Slot; version: number }>(READ);
  const found = new Map(rows.map((row) => [row.read_model, row.slot]));
  const slots = new Map<TableName, Slot>();
  for (const { table } of READ_MODELS) {
    const slot = found.get(table);
    if (slot === undefined)
      throw new ReadModelMissingError(
        `this database has no read model "${table}": start a SPARK of this version on it once, which migrates it`,
        { fields: { table } },
      );
    slots.set(table, slot);
  }
  return Tables.live(slots, rows[0]?.version ?? 0);
}

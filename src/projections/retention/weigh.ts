import type { Queryable } from '../../postgres/transaction.js';
import type { Tables } from '../slots/tables.js';

/**
 * What the live read models weigh, with indexes and TOAST, in bytes. The other slot does not count: a rebuild, and what it keeps to go back
 * to, must not make history go. Rows that were deleted count until their room is used again.
 */
export async function weighReadModels(db: Queryable, tables: Tables): Promise<number> {
  const names = tables.names.map((table) => tables.of(table));
  const { rows } = await db.query<{ bytes: string | null }>(
    `SELECT sum(pg_total_relation_size(part.relid)) AS bytes FROM unnest($1::text[]) AS named(name),
       LATERAL pg_partition_tree(named.name::regclass) part`,
    [names],
  );
  // pg_partition_tree answers no row for a plain table
  const plain = await db.query<{ bytes: string | null }>(
    `SELECT sum(pg_total_relation_size(c.oid)) AS bytes FROM unnest($1::text[]) AS named(name)
     JOIN pg_class c ON c.oid = named.name::regclass WHERE c.relkind = 'r'`,
    [names],
  );
  return Number(rows[0]?.bytes ?? 0) + Number(plain.rows[0]?.bytes ?? 0);
}

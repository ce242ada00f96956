import type pg from 'pg';
import { transaction } from '../postgres/transaction.js';
import { readTables } from './slots/readTables.js';
import type { Tables } from './slots/tables.js';

export interface TableDigest {
  readonly table: string;
  readonly rows: number;
  /** Sum of a 128-bit hash of every row's text: the same rows give the same digest, in whatever order they lie. */
  readonly digest: string;
}

/** Every setting that changes how a row reads as text. */
const SETTINGS = `SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL bytea_output = 'hex';
  SET LOCAL extra_float_digits = 1; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL statement_timeout = 0`;

/**
 * A digest of each read model, on the primary or the replica: equal digests mean equal row for row. Of the live tables, unless others
 * are given; all of one moment.
 */
export async function digestReadModels(pool: pg.Pool, tables?: Tables): Promise<TableDigest[]> {
  return transaction(pool, async (client) => {
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query(SETTINGS);
    const places = tables ?? (await readTables(client));
    const digests: TableDigest[] = [];
    for (const table of places.names) digests.push(await digestOf(client, table, places.of(table)));
    return digests;
  });
}

/** Of a document what it says counts, not how its text is laid out: an older build stored it in another order. */
const COLUMNS = `SELECT string_agg(quote_ident(attname) || CASE WHEN atttypid = 'json'::regtype THEN '::jsonb' ELSE '' END, ', ' ORDER BY attnum)
  AS names FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`;

async function digestOf(client: pg.ClientBase, table: string, from: string): Promise<TableDigest> {
  const columns = await client.query<{ names: string }>(COLUMNS, [from]);
  const { rows } = await client.query<{ rows: string; digest: string }>(
    `SELECT count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) || ':' ||
       coalesce(sum(hashtextextended(t::text, 1)::numeric), 0) AS digest FROM (SELECT ${columns.rows[0]?.names ?? ''} FROM ${from}) t`,
  );
  return { table, rows: Number(rows[0]?.rows ?? 0), digest: rows[0]?.digest ?? '' };
}

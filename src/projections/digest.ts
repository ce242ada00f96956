import type pg from 'pg';
import { transaction } from '../postgres/transaction.js';
import { READ_MODELS } from './readModels.js';

export interface TableDigest {
  readonly table: string;
  readonly rows: number;
  /** Sum of a 128-bit hash of every row's text: the same rows give the same digest, in whatever order they lie. */
  readonly digest: string;
}

/** Every setting that changes how a row reads as text. */
const SETTINGS = `SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL bytea_output = 'hex';
  SET LOCAL extra_float_digits = 1; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL statement_timeout = 0`;

/** A digest of each read model, on the primary or the replica: equal digests mean equal row for row. */
export async function digestReadModels(pool: pg.Pool): Promise<TableDigest[]> {
  return transaction(pool, async (client) => {
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query(SETTINGS);
    const digests: TableDigest[] = [];
    for (const { table } of READ_MODELS) digests.push(await digestOf(client, table, `spark.${table}`));
    const own = `(SELECT * FROM spark.spark_dead_letters WHERE source = 'projector')`;
    digests.push(await digestOf(client, 'spark_dead_letters', own));
    return digests;
  });
}

async function digestOf(client: pg.ClientBase, table: string, from: string): Promise<TableDigest> {
  const { rows } = await client.query<{ rows: string; digest: string }>(
    `SELECT count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) || ':' ||
       coalesce(sum(hashtextextended(t::text, 1)::numeric), 0) AS digest FROM ${from} t`,
  );
  return { table, rows: Number(rows[0]?.rows ?? 0), digest: rows[0]?.digest ?? '' };
}

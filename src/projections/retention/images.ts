import type { Queryable } from '../../postgres/transaction.js';
import type { Tables } from '../slots/tables.js';

export const IMAGES_RULE = 'spark_images';

/** Every hash that a row still names: of operations before and after, of scripts what was written. `$1`, where given: rows behind it. */
const named = (tables: Tables, behind = ''): string => `
  SELECT unnest(ARRAY[before_sha256, after_sha256, before_meta_sha256, after_meta_sha256]) AS sha256
    FROM ${tables.of('spark_operations')}${behind}
  UNION ALL SELECT sha256 FROM ${tables.of('spark_generated_scripts')}${behind}`;

const unnamed = (tables: Tables): string => `WHERE NOT EXISTS (
  SELECT FROM (${named(tables)}) named WHERE named.sha256 = image.sha256)`;

/** Hashes of images that no row names: reads all of three tables, so it is asked outside the transaction that deletes. */
export async function findUnnamedImages(db: Queryable, tables: Tables): Promise<string[]> {
  const { rows } = await db.query<{ sha256: string }>(
    `SELECT image.sha256 FROM ${tables.of('spark_images')} image ${unnamed(tables)} ORDER BY 1`,
  );
  return rows.map((row) => row.sha256);
}

/** Of images found as unnamed when the log stood at `foundAtSeq`, deletes those that nothing behind it has come to name. Answers how many. */
export async function deleteFoundImages(
  db: Queryable,
  tables: Tables,
  shas: readonly string[],
  foundAtSeq: number,
): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM ${tables.of('spark_images')} WHERE sha256 = ANY($2::text[])
       AND sha256 NOT IN (SELECT sha256 FROM (${named(tables, ' WHERE seq > $1')}) named WHERE sha256 IS NOT NULL)`,
    [foundAtSeq, shas],
  );
  return rowCount ?? 0;
}

/** Deletes every image that no row names. Answers how many. */
export async function deleteUnnamedImages(db: Queryable, tables: Tables): Promise<number> {
  const { rowCount } = await db.query(`DELETE FROM ${tables.of('spark_images')} image ${unnamed(tables)}`);
  return rowCount ?? 0;
}

import { inflateRawSync } from 'node:zlib';
import type pg from 'pg';

/** A row of spark_sessions, its counts as numbers. */
export async function sessionRow(
  pool: pg.Pool,
  sessionId: string,
): Promise<Record<string, unknown> | undefined> {
  const { rows } = await pool.query<Record<string, unknown>>(
    'SELECT * FROM spark.spark_sessions WHERE session_id = $1',
    [sessionId],
  );
  const [row] = rows;
  if (!row) return undefined;
  const { editors, session_id, first_seen, last_seen, ...counts } = row;
  const numbers = Object.fromEntries(Object.entries(counts).map(([name, value]) => [name, Number(value)]));
  return { session_id, first_seen, last_seen, editors, ...numbers };
}

/** The bytes that spark_images keeps under a hash; undefined for none. */
export async function imageContent(pool: pg.Pool, sha256: string): Promise<Buffer | undefined> {
  const { rows } = await pool.query<{ data: Buffer }>(
    'SELECT data FROM spark.spark_images WHERE sha256 = $1',
    [sha256],
  );
  return rows[0] && inflateRawSync(rows[0].data);
}

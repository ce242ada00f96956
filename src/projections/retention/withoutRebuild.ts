import type pg from 'pg';

/** The lock that a rebuild holds for as long as it lives (rebuild/place.ts). */
const REBUILD_LOCK = `hashtextextended('spark.rebuild', 0)`;

/** Runs `work` unless a rebuild is under way, which makes its own cuts in what it builds; none begins meanwhile. Answers whether it ran. */
export async function withoutRebuild(client: pg.ClientBase, work: () => Promise<void>): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>(
    `SELECT pg_try_advisory_lock(${REBUILD_LOCK}) AS taken`,
  );
  if (rows[0]?.taken !== true) return false;
  try {
    await work();
    return true;
  } finally {
    await client.query(`SELECT pg_advisory_unlock(${REBUILD_LOCK})`);
  }
}

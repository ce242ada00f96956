import { pause, systemClock } from '../../src/core/clock.js';
import type { TestDatabase } from './postgres.js';

const POLL_MS = 20;
const GIVE_UP_MS = 30_000;

/** Resolves when the standby has replayed everything that the primary had written by now, the making of the database too. */
export async function replicaHasAll(db: TestDatabase): Promise<void> {
  const { rows } = await db.admin.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn() AS lsn');
  const lsn = rows[0]?.lsn;
  const replica = db.pool('spark_dashboard_ro', 'replica');
  const untilMs = systemClock.monotonicMs() + GIVE_UP_MS;
  for (;;) {
    const there = await replica
      .query<{ there: boolean }>('SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS there', [lsn])
      .catch((error: { code?: string }) => {
        if (error.code !== '3D000') throw error;
        return undefined; // the database itself is not there yet
      });
    if (there?.rows[0]?.there) return;
    if (systemClock.monotonicMs() > untilMs) throw new Error(`the standby never came to ${lsn}`);
    await pause(systemClock, POLL_MS, new AbortController().signal);
  }
}

import type pg from 'pg';
import type { Clock } from '../../core/clock.js';

/** Every transaction that began on the standby before it had replayed `lsn` has ended; `since` is the moment when it was seen to have. */
const REPLAYED = `SELECT (NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= $1::pg_lsn) AS replayed, clock_timestamp()::text AS now`;
const OLDER = `SELECT count(*)::int AS older FROM pg_stat_activity
  WHERE datname = current_database() AND backend_type = 'client backend' AND xact_start < $1::timestamptz AND pid <> pg_backend_pid()`;

/**
 * Waits until nobody on the standby can still be reading what was marked on the primary at `lsn`: it has replayed that far, and whatever
 * began before has ended. A lock that is replayed there then meets nobody. Answers false when readers are still at it after `patienceMs`.
 * A standby that never answered has no readers to wait for. `rest` is the pause between two looks.
 */
export async function standbyReadersEnded(
  replica: pg.Pool,
  lsn: string,
  {
    clock,
    signal,
    patienceMs,
    rest,
  }: { clock: Clock; signal: AbortSignal; patienceMs: number; rest: () => Promise<unknown> },
): Promise<boolean> {
  const deadlineMs = clock.monotonicMs() + patienceMs;
  let answered = false;
  let since: string | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      if (since === undefined) {
        const { rows } = await replica.query<{ replayed: boolean; now: string }>(REPLAYED, [lsn]);
        if (rows[0]?.replayed) since = rows[0].now;
        answered = true;
      }
      if (since !== undefined) {
        const { rows } = await replica.query<{ older: number }>(OLDER, [since]);
        if (rows[0]?.older === 0) return true;
      }
    } catch {
      // It is away or full; asked again.
    }
    if (clock.monotonicMs() >= deadlineMs) return !answered;
    await rest();
  }
}

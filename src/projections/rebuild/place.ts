import type pg from 'pg';
import { type Clock, every, pause } from '../../core/clock.js';
import { RebuildRunningError } from './errors.js';

/**
 * One rebuild at a time in a database: the lock of its session, gone with it whatever ends it. Retention takes it too, for moments
 * (retention/withoutRebuild.ts).
 */
const LOCK = `hashtextextended('spark.rebuild', 0)`;
/** What connections of a rebuild are called. */
export const REBUILD_APPLICATION = 'spark-rebuild';
/** How long to wait for who is no rebuild. */
const OTHERS_PATIENCE_MS = 20_000;
const POLL_MS = 200;
/** A rebuild that is stopped (SIGSTOP) or cut off gives its place free after this. */
const SILENCE_TIMEOUT_MS = 60_000;
/** And the live projector, which it holds for the moment of a flip, after this. */
const HOLD_TIMEOUT_MS = 20_000;
const HEARTBEAT_MS = 3_000;

interface Holder {
  readonly pid: number;
  readonly application: string | null;
  readonly since: Date | null;
}

/**
 * Runs `work` in the rebuild's place, on a connection of its own. Throws `RebuildRunningError`, which says who has it.
 */
export async function inRebuildPlace<T>(
  pool: pg.Pool,
  clock: Clock,
  signal: AbortSignal,
  work: (control: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const control = await pool.connect();
  control.on('error', () => undefined); // the query under way tells
  const stopHeartbeat = every(
    HEARTBEAT_MS,
    () => control.query('SELECT 1').then(() => undefined),
    () => undefined, // the work's own next query tells
  );
  try {
    await control.query(`SET idle_session_timeout = ${SILENCE_TIMEOUT_MS}; SET idle_in_transaction_session_timeout = ${HOLD_TIMEOUT_MS};
       SET TimeZone = 'UTC'`);
    await takePlace(control, clock, signal);
    return await work(control);
  } finally {
    stopHeartbeat();
    // The server would notice the end of the connection a moment later than a next rebuild begins.
    await control.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
    control.release(true);
  }
}

async function takePlace(client: pg.ClientBase, clock: Clock, signal: AbortSignal): Promise<void> {
  const giveUpAtMs = clock.monotonicMs() + OTHERS_PATIENCE_MS;
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>(`SELECT pg_try_advisory_lock(${LOCK}) AS taken`);
    if (rows[0]?.taken === true) return;
    const holder = await holderOf(client);
    const isRebuild = holder?.application?.startsWith(REBUILD_APPLICATION) === true;
    if (isRebuild || clock.monotonicMs() > giveUpAtMs)
      throw new RebuildRunningError(textOf(holder), { fields: { ...holder } });
    signal.throwIfAborted();
    await pause(clock, POLL_MS, signal);
  }
}

function textOf(holder: Holder | undefined): string {
  const who = holder?.application ?? 'somebody';
  const since = holder?.since ? `, since ${holder.since.toISOString()}` : '';
  return `another rebuild is at work: ${who}${since}. Wait for it, or end it: that leaves what readers see as it was`;
}

async function holderOf(client: pg.ClientBase): Promise<Holder | undefined> {
  const { rows } = await client.query<Holder>(
    `SELECT held.pid, nullif(who.application_name, '') AS application, who.backend_start AS since
     FROM pg_locks held LEFT JOIN pg_stat_activity who USING (pid)
     WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
       AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND ((held.classid::bigint << 32) | held.objid::bigint) = ${LOCK}`,
  );
  return rows[0];
}

import type pg from 'pg';
import { type Clock, pause } from '../../core/clock.js';
import { codeOf } from '../../core/errors.js';
import type { FoundPartition } from './partitionCut.js';
import { standbyReadersEnded } from './standbyReaders.js';

/** Longer than the statements of any role of ours may take. */
const PATIENCE_MS = 30_000;
const POLL_MS = 50;
/** A statement of ours that waits for longer has met somebody's transaction on the primary: it is left for the next run. */
const STATEMENT_TIMEOUT_MS = PATIENCE_MS + 10_000;
const LOCK_TIMEOUT_MS = 1_000;
const CANCELED = new Set(['57014', '55P03']);

export interface DropOptions {
  /** May become `spark_owner`, on the primary; two connections. */
  readonly owner: pg.Pool;
  /** Sees other sessions' transactions (pg_read_all_stats), on the standby; undefined: there is none. */
  readonly replica: pg.Pool | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly patienceMs?: number;
}

/**
 * Takes a partition out of its table and drops it so that no reader waits, on the standby neither. A plain DROP locks the whole table, and the
 * standby, which replays that lock, lets every reader wait behind the longest one and cancels that after max_standby_streaming_delay.
 * DETACH ... CONCURRENTLY first only marks the partition: who begins now does not see it. Its second step locks the partition alone, but
 * waits for readers of the primary only; so a transaction of ours holds that step back until the standby's older readers have ended too.
 * Answers false when readers would not end: the mark stays, and the next call goes on from it, as it does after a kill -9 at any place.
 */
export async function dropPartition(part: FoundPartition, options: DropOptions): Promise<boolean> {
  return withOwner(options.owner, async (client) => {
    const name = `${part.schema}.${part.name}`;
    const parent = `${part.schema}.${part.parent}`;
    if (part.state === 'attached' && !(await detach(client, parent, name, part.oid, options))) return false;
    if (part.state === 'pending') {
      const rest = (): Promise<void> => pause(options.clock, POLL_MS, options.signal);
      if (!(await readersEnded(client, options, rest))) return false;
      if (!(await done(client.query(`ALTER TABLE ${parent} DETACH PARTITION ${name} FINALIZE`))))
        return false;
    }
    await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
    return done(client.query(`DROP TABLE IF EXISTS ${name}`));
  });
}

async function detach(
  client: pg.ClientBase,
  parent: string,
  name: string,
  oid: number,
  options: DropOptions,
): Promise<boolean> {
  return withOwner(options.owner, async (holder) => {
    await holder.query('BEGIN');
    try {
      await holder.query(`LOCK TABLE ONLY ${parent} IN ACCESS SHARE MODE`);
      // Not every system can tell.
      await client.query(`SET client_connection_check_interval = ${POLL_MS / 5}`).catch(() => undefined);
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const detached = done(client.query(`ALTER TABLE ${parent} DETACH PARTITION ${name} CONCURRENTLY`));
      const ended =
        (await marked(holder, oid, detached, options)) &&
        (await readersEnded(holder, options, () => busy(holder)));
      // An owner that is a superuser is cancelled by one only.
      if (!ended) await holder.query(`RESET ROLE; SELECT pg_cancel_backend(${rows[0]?.pid ?? 0})`);
      else await holder.query('COMMIT');
      return await detached;
    } finally {
      await holder.query('ROLLBACK').catch(() => undefined);
    }
  });
}

/** Resolves to true when the partition is marked; false when the statement has ended before. */
async function marked(
  holder: pg.ClientBase,
  oid: number,
  detached: Promise<boolean>,
  { signal }: DropOptions,
): Promise<boolean> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  void detached.then(end, end);
  for (;;) {
    const { rows } = await holder.query<{ marked: boolean }>(
      'SELECT inhdetachpending AS marked FROM pg_inherits WHERE inhrelid = $1::oid',
      [oid],
    );
    if (rows[0]?.marked) return true;
    if (over || signal.aborted) return false;
    await busy(holder);
  }
}

/**
 * A pause in which the server is at work for this connection. Killed meanwhile, it learns of that only afterwards, and the statement that
 * this transaction holds back learns of it before (client_connection_check_interval): it is given up, and not let go.
 */
async function busy(holder: pg.ClientBase): Promise<void> {
  await holder.query(`SELECT pg_sleep(${POLL_MS / 1_000})`);
}

/** Of the standby, after what the primary has written up to now. */
async function readersEnded(
  client: pg.ClientBase,
  options: DropOptions,
  rest: () => Promise<unknown>,
): Promise<boolean> {
  if (options.replica === undefined) return true;
  const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  const { clock, signal, patienceMs = PATIENCE_MS } = options;
  return standbyReadersEnded(options.replica, rows[0]?.lsn ?? '0/0', { clock, signal, patienceMs, rest });
}

/** False for a statement that somebody's lock did not let end in time. */
async function done(statement: Promise<unknown>): Promise<boolean> {
  try {
    await statement;
    return true;
  } catch (error) {
    if (CANCELED.has(codeOf(error) ?? '')) return false;
    throw error;
  }
}

async function withOwner<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query(
      // The mark has to reach the standby whatever becomes of this process; a frozen one lets go by itself.
      `SET ROLE spark_owner; SET synchronous_commit = on; SET statement_timeout = ${STATEMENT_TIMEOUT_MS};
       SET idle_in_transaction_session_timeout = ${STATEMENT_TIMEOUT_MS}`,
    );
    return await work(client);
  } finally {
    client.release(true);
  }
}

import type { Socket } from 'node:net';
import type pg from 'pg';
import { type Clock, pause } from '../core/clock.js';
import { CREATE_STAGES } from './writeBatch.js';

/** One long statement is a stuck one. */
const STATEMENT_TIMEOUT_MS = 60_000;
/** A stopped (SIGSTOP) or lost projector gives its place free after this: the server ends a connection that says nothing. */
const SILENCE_TIMEOUT_MS = 15_000;
/**
 * A server that says nothing for this long although something was asked is cut off (a pulled cable ends no connection): above the longest
 * statement, so that a slow one is never taken for it. Heartbeats keep an idle connection from being silent.
 */
const UNANSWERED_MS = STATEMENT_TIMEOUT_MS + 15_000;
/** How often an idle projector says something. */
export const HEARTBEAT_MS = 5_000;
/** A stop waits this long for the batch under way, then drops the connection: the transaction rolls back. */
const STOP_PATIENCE_MS = 1_000;

/** The projector's place is a lock of its session: one projector works, the others wait for it. The checkpoint is what keeps them safe. */
const LOCK = `hashtextextended('spark.projector:' || $1, 0)`;

/** Settings, and the temporary tables that upserts are staged in. */
const SETTINGS = [
  // The log is the source of truth: an asynchronous commit is replayed, and the replica has it sooner.
  'SET synchronous_commit = off',
  `SET statement_timeout = ${STATEMENT_TIMEOUT_MS}`,
  `SET idle_session_timeout = ${SILENCE_TIMEOUT_MS}`,
  `SET idle_in_transaction_session_timeout = ${SILENCE_TIMEOUT_MS}`,
  `SET TimeZone = 'UTC'`,
  ...CREATE_STAGES,
];

/** A connection of one's own, set up for projecting; dropped, not returned, at the end. */
export async function withProjectorConnection<T>(
  pool: pg.Pool,
  clock: Clock,
  signal: AbortSignal,
  work: (client: pg.PoolClient) => Promise<T>,
  unansweredMs: number = UNANSWERED_MS,
): Promise<T> {
  const client = await pool.connect();
  const socket = socketOf(client);
  const onSilence = (): void => void socket?.destroy();
  socket?.setTimeout(unansweredMs, onSilence);
  client.on('error', () => undefined); // the query under way tells
  const ended = new AbortController();
  const onAbort = (): void => void cutAfterPatience(client, clock, ended.signal);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (const statement of SETTINGS) await client.query(statement);
    return await work(client);
  } finally {
    signal.removeEventListener('abort', onAbort);
    ended.abort();
    client.release(true);
  }
}

async function cutAfterPatience(client: pg.PoolClient, clock: Clock, ended: AbortSignal): Promise<void> {
  await pause(clock, STOP_PATIENCE_MS, ended);
  if (!ended.aborted) socketOf(client)?.destroy();
}

/** pg's typings leave out the connection, which is the only way to end a query that does not answer. */
function socketOf(client: pg.PoolClient): Pick<Socket, 'destroy' | 'setTimeout'> | undefined {
  return (client as unknown as { connection?: { stream?: Socket } }).connection?.stream;
}

/** Tries to get the projector's place on this connection. */
export async function tryTakePlace(client: pg.ClientBase, checkpoint: string): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>(`SELECT pg_try_advisory_lock(${LOCK}) AS taken`, [
    checkpoint,
  ]);
  return rows[0]?.taken === true;
}

/** Gives a place that this connection has taken free again. */
export async function leavePlace(client: pg.ClientBase, checkpoint: string): Promise<void> {
  await client.query(`SELECT pg_advisory_unlock(${LOCK})`, [checkpoint]);
}

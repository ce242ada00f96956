import pg from 'pg';
import type { Workload } from '../ports.js';
import type { Random } from '../random.js';
import { pause } from './pause.js';
import { type Work, workload } from './workload.js';

const EVERY_MS = 250;
const QUERY_TIMEOUT_MS = 2_000;

/** Reads the projections' checkpoints of primary and standby all the time. */
export function checkpoints(options: { readonly random: Random; readonly prefix: string }): Workload {
  return workload('checkpoints', options, async (work) => {
    const { primaryUrl, replicaUrl } = work.system.postgres;
    await Promise.all([watch(work, 'primary', primaryUrl), watch(work, 'replica', replicaUrl)]);
  });
}

async function watch({ history, signal }: Work, server: 'primary' | 'replica', url: string): Promise<void> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: QUERY_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
  });
  pool.on('error', () => undefined);
  let last = '';
  try {
    while (!signal.aborted) {
      const rows = await look(pool);
      const positions = Object.fromEntries(rows.map(({ name, last_seq }) => [name, Number(last_seq)]));
      const streams = Object.fromEntries(rows.map(({ name, stream_created }) => [name, stream_created]));
      const seen = JSON.stringify(positions);
      // What is as it was needs no line of its own.
      if (rows.length > 0 && seen !== last) history.write({ kind: 'checkpoint', server, streams, positions });
      if (rows.length > 0) last = seen;
      await pause(EVERY_MS, signal);
    }
  } finally {
    await pool.end();
  }
}

interface Row {
  readonly name: string;
  readonly last_seq: string;
  readonly stream_created: string;
}

/** A server that is away has no word just now. */
async function look(pool: pg.Pool): Promise<readonly Row[]> {
  try {
    const { rows } = await pool.query<Row>('SELECT name, last_seq, stream_created FROM spark.checkpoints');
    return rows;
  } catch {
    return [];
  }
}

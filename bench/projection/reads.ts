import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { commandById } from '../../src/projections/commands/queries.js';
import { sessionEventsAfter } from '../../src/projections/events/queries.js';
import { listOperations } from '../../src/projections/operations/queries.js';

/** Something that is read, again and again. */
export interface Read {
  readonly name: string;
  /** Answers how many rows came. */
  run(pool: pg.Pool): Promise<number>;
}

/** Compiled into dist/bench/bench/projection. */
const PANELS = fileURLToPath(new URL('../../../../dashboards/sql/', import.meta.url));

/** Every file of dashboards/sql. */
export function panels(): Read[] {
  return readdirSync(PANELS)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => {
      const text = readFileSync(PANELS + name, 'utf8');
      return {
        name: name.slice(0, -'.sql'.length),
        run: async (pool) => (await pool.query(text)).rowCount ?? 0,
      };
    });
}

const SAMPLES = 64;
const PAGE = 100;

/** What the API asks: another session, path or command each time. Chosen from what the replica holds. */
export async function productReads(replica: pg.Pool): Promise<Read[]> {
  const column = async (sql: string): Promise<string[]> =>
    (await replica.query<{ value: string }>(sql)).rows.map(({ value }) => value);
  const sessions = await column(
    `SELECT session_id AS value FROM spark.spark_sessions ORDER BY md5(session_id) LIMIT ${SAMPLES}`,
  );
  const paths = await column(
    `SELECT DISTINCT path AS value FROM (SELECT path FROM spark.spark_operations LIMIT 20000) AS sample ORDER BY 1 LIMIT ${SAMPLES}`,
  );
  const commands = await column(
    `SELECT command_id::text AS value FROM spark.command_states WHERE session_id = ANY('{${sessions.slice(0, 8).join(',')}}') LIMIT ${SAMPLES}`,
  );
  const turning = (values: readonly string[]) => {
    let n = 0;
    return () => values[n++ % values.length] ?? '';
  };
  const [session, path, command] = [turning(sessions), turning(paths), turning(commands)];
  return [
    {
      name: 'a session from its beginning, 100 events',
      run: async (pool) =>
        (await sessionEventsAfter(pool, { sessionId: session(), afterSeq: 0, limit: PAGE })).length,
    },
    {
      name: 'undo log of a session, newest 100',
      run: async (pool) => (await listOperations(pool, { sessionId: session(), limit: PAGE })).length,
    },
    {
      name: 'undo log of a path, newest 100',
      run: async (pool) => (await listOperations(pool, { path: path(), limit: PAGE })).length,
    },
    { name: 'a command by its id', run: async (pool) => ((await commandById(pool, command())) ? 1 : 0) },
  ];
}

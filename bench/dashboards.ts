/**
 * How fast the dashboards read on the standby: fills the read models with a story of a day and a half through the projector's own fold, then
 * asks every file of dashboards/sql and the API's own queries, idle and while events are projected. One JSON line for the fill, one a state.
 */

import pg from 'pg';
import { createPool } from '../src/postgres/pools.js';
import { startChild, stopChild, told } from './projection/children.js';
import { CpuMeter } from './projection/cpuMeter.js';
import { bytesNeeded, demandRoom } from './projection/diskRoom.js';
import type { PaceOrder, ProjectorOrder, ProjectorWord } from './projection/projectorProcess.js';
import { panels, productReads, type Read } from './projection/reads.js';
import { type BenchPostgres, setOnBoth, standbyLevel, startBenchPostgres } from './projection/servers.js';
import { perSecond, printer, settingsOf } from './projection/settings.js';
import { readOptions } from './support/options.js';
import { progress } from './support/progress.js';
import { sleep, summary } from './support/spark.js';

const ABOUT = `Every dashboard query on the standby at ten million events, idle and under projection.
Ten million events take ${Math.round(bytesNeeded(10_000_000) / 1e9)} GB in the folder for temporary files, primary and standby together.`;
const options = readOptions(ABOUT, {
  events: { what: 'events to fill', usual: 10_000_000, short: 60_000 },
  hours: { what: 'hours up to now that their times are spread over', usual: 36 },
  rounds: { what: 'times each query is asked, in each state', usual: 100, short: 3 },
  pace: { what: 'events/s that are projected meanwhile', usual: 20_000, short: 2_000 },
  editors: { what: 'editors the events are spread over', usual: 64 },
  seed: { what: 'of the story', usual: 7 },
});
const TARGET_P95_MS = 30;
const HOUR_MS = 3_600_000;
/** What is paced settles before it is measured. */
const SETTLE_MS = 3_000;
/** Nobody needs a fill after a power cut: no sync, and no whole pages for pages that a crash has torn. */
const FOR_FILLING = { fsync: 'off', full_page_writes: 'off' };
const AS_USUAL = { fsync: null, full_page_writes: null };
/** About: where the story of the past shall end. */
const FILL_EVENTS_PER_S = 14_000;
/** Under projection a query takes about so many times as long as idle. */
const SLOWER_UNDER_LOAD = 3;
/** What is made up before it is projected stays in memory until then: 900 bytes each. */
const MAX_PREPARED_EVENTS = 1_500_000;

type Print = (line: object) => void;

interface Asked {
  readonly name: string;
  readonly rows: number;
  readonly ms: { readonly p50: number; readonly p95: number; readonly p99: number };
}

/** Each read in turn, so that all of them meet the same moments. */
async function ask(pool: pg.Pool, reads: readonly Read[], rounds: number): Promise<Asked[]> {
  const times = reads.map((): number[] => []);
  const rows = reads.map(() => 0);
  for (let round = 0; round <= rounds; round++)
    for (const [n, read] of reads.entries()) {
      const began = performance.now();
      rows[n] = Math.max(rows[n] ?? 0, await read.run(pool));
      // The first one finds everything cold: a connection is made, catalogues are read.
      if (round > 0) times[n]?.push(performance.now() - began);
    }
  return reads.map(({ name }, n) => ({ name, rows: rows[n] ?? 0, ms: summary(times[n] ?? []) }));
}

function told95(bench: string, asked: readonly Asked[]): object {
  const worst = [...asked].sort((left, right) => right.ms.p95 - left.ms.p95)[0];
  return {
    bench,
    queries: asked.length,
    worst: worst && { name: worst.name, p95: worst.ms.p95 },
    over30ms: asked.filter(({ ms }) => ms.p95 >= TARGET_P95_MS).map(({ name }) => name),
    each: Object.fromEntries(
      asked.map(({ name, rows, ms: { p50, p95, p99 } }) => [name, { rows, p50, p95, p99 }]),
    ),
  };
}

/** Every event is counted once, on the standby. */
async function demandAll(postgres: BenchPostgres, events: number): Promise<void> {
  const client = new pg.Client(postgres.urlOf('spark_ingest', 'replica'));
  await client.connect();
  const { rows } = await client.query<{ n: string }>(
    'SELECT coalesce(sum(events), 0) AS n FROM spark.spark_sessions',
  );
  await client.end();
  if (Number(rows[0]?.n) !== events)
    throw new Error(`${events} events were told, the standby counts ${rows[0]?.n}`);
}

async function fill(
  postgres: BenchPostgres,
  projector: ReturnType<typeof startChild>,
  print: Print,
): Promise<void> {
  const pids = { ...postgres.pids(), projector: projector.pid ?? 0 };
  const meter = new CpuMeter(pids);
  const filled = await told(
    projector,
    (word): word is ProjectorWord & { word: 'filled' } => (word as ProjectorWord).word === 'filled',
  );
  await standbyLevel(postgres);
  await demandAll(postgres, filled.events);
  const admin = new pg.Client(postgres.adminUrl);
  await admin.connect();
  const { rows } = await admin.query<{ bytes: string }>(
    'SELECT pg_database_size(current_database()) AS bytes',
  );
  print({
    bench: 'fill by the projector itself',
    events: filled.events,
    sessions: filled.sessions,
    hours: options.hours,
    editors: options.editors,
    // The story is made up in the same thread: a projector that only reads is faster (npm run bench:rebuild).
    eventsPerSecond: perSecond(filled.events, filled.ms),
    duringTheFill: FOR_FILLING,
    // The same events as those of bench:rebuild: what one takes in the log, and what becomes of it in one database, indexes and images too.
    logBytesPerEvent: Math.round(filled.logBytes / filled.events),
    databaseBytesPerEvent: Math.round(Number(rows[0]?.bytes ?? 0) / filled.events),
    cpuSecondsPer100k: meter.per100k(filled.events),
  });
  progress('vacuum and statistics');
  await tidyUp(admin);
  await setOnBoth(postgres, AS_USUAL);
  await admin.query('CHECKPOINT');
  await admin.end();
  await standbyLevel(postgres);
}

/** What autovacuum does in the course of a real day; documents and bytes are not sampled, nothing is looked for in them. */
async function tidyUp(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query<{ name: string; columns: string; small: boolean }>(
    `SELECT c.oid::regclass::text AS name, pg_total_relation_size(c.oid) < 1e9 AS small,
       string_agg(quote_ident(a.attname), ', ') FILTER (WHERE a.atttypid NOT IN ('jsonb'::regtype, 'bytea'::regtype)) AS columns
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relkind = 'r' AND c.relnamespace IN ('spark'::regnamespace, 'spark_blue'::regnamespace) GROUP BY c.oid`,
  );
  for (const { name, columns, small } of rows)
    await admin.query(`${small ? 'VACUUM (ANALYZE)' : 'ANALYZE'} ${name} (${columns})`);
}

/** How many events were projected meanwhile. */
async function whileProjecting<T>(
  postgres: BenchPostgres,
  work: () => Promise<T>,
): Promise<{ result: T; eventsPerSecond: number }> {
  const client = new pg.Client(postgres.urlOf('spark_ingest', 'replica'));
  await client.connect();
  const count = async (): Promise<number> => {
    const { rows } = await client.query<{ n: string }>(
      'SELECT coalesce(sum(events), 0) AS n FROM spark.spark_sessions',
    );
    return Number(rows[0]?.n ?? 0);
  };
  const [before, began] = [await count(), performance.now()];
  const result = await work();
  const eventsPerSecond = perSecond((await count()) - before, performance.now() - began);
  await client.end();
  return { result, eventsPerSecond };
}

/** Has the projector go on in real time; resolves when that has settled. `idleMs`: how long all reads took without it. */
async function startPace(projector: ReturnType<typeof startChild>, idleMs: number): Promise<void> {
  const { pace } = options;
  const seconds = (SLOWER_UNDER_LOAD * idleMs + SETTLE_MS) / 1_000;
  const order: PaceOrder = { pace, preparedSeconds: Math.min(seconds, MAX_PREPARED_EVENTS / pace) };
  progress(
    `the same while ${pace} events/s are projected; ${Math.ceil(order.preparedSeconds)} s of them are made up first`,
  );
  const begun = told(projector, (word): word is ProjectorWord => (word as ProjectorWord).word === 'paced');
  projector.send(order);
  await begun;
  await sleep(SETTLE_MS);
}

async function measure(
  postgres: BenchPostgres,
  projector: ReturnType<typeof startChild>,
  print: Print,
): Promise<void> {
  await fill(postgres, projector, print);
  const pool = (role: 'spark_dashboard_ro' | 'spark_ingest') =>
    createPool({
      url: postgres.urlOf(role, 'replica'),
      applicationName: 'bench-dashboards',
      maxConnections: 1,
    });
  const [dashboards, api] = [pool('spark_dashboard_ro'), pool('spark_ingest')];
  const [files, own] = [panels(), await productReads(api)];
  const { rounds } = options;
  progress(`${files.length} panels and ${own.length} reads of the API, ${rounds} times each, idle`);
  const began = performance.now();
  print(told95('dashboard panels, idle', await ask(dashboards, files, rounds)));
  print(told95('own reads, idle', await ask(api, own, rounds)));
  await startPace(projector, performance.now() - began);
  const busy = await whileProjecting(postgres, async () => ({
    panels: await ask(dashboards, files, rounds),
    own: await ask(api, own, rounds),
  }));
  const reached = { eventsPerSecond: busy.eventsPerSecond, wanted: options.pace };
  print({ ...told95('dashboard panels, under projection', busy.result.panels), ...reached });
  print({ ...told95('own reads, under projection', busy.result.own), ...reached });
  await Promise.all([dashboards.end(), api.end()]);
}

const room = await demandRoom(options.events);
progress(`${options.events} events: ${room.needed} of the ${room.free} that are free`);
const postgres = await startBenchPostgres();
try {
  const print = printer(await settingsOf(postgres));
  await setOnBoth(postgres, FOR_FILLING);
  const order: ProjectorOrder = {
    postgresUrl: postgres.urlOf('spark_projector', 'primary'),
    from: {
      seed: options.seed,
      editors: options.editors,
      events: options.events,
      spanMs: options.hours * HOUR_MS,
      fillMs: (options.events / FILL_EVENTS_PER_S) * 1_000,
    },
  };
  const projector = startChild('./projectorProcess.js', order);
  await measure(postgres, projector, print);
  await stopChild(projector);
} finally {
  await postgres.stop();
}
process.exit(0);

/**
 * Rebuild at one million real events: they lie in a real JetStream log, Postgres has its standby attached. Prints one JSON line each for the
 * live catch-up, the rebuild of everything and its ratio to bare COPY of the same rows, the equality of all read models (live, rebuilt, primary,
 * standby), and what readers on the standby met while a rebuild ran beside live projection. Ends with an error when anything is not equal, or a
 * reader met one.
 */
import type pg from 'pg';
import { createPool } from '../src/postgres/pools.js';
import { digestReadModels, type TableDigest } from '../src/projections/digest.js';
import { bareCopy } from './projection/bareCopy.js';
import { startChild, told } from './projection/children.js';
import { CpuMeter } from './projection/cpuMeter.js';
import { demandEqual } from './projection/digests.js';
import { type Filled, fillLog } from './projection/fillLog.js';
import { project } from './projection/projecting.js';
import type { Published, PublisherOrder } from './projection/publisherProcess.js';
import type { ReaderOrder, ReaderReport } from './projection/readerProcess.js';
import { liveTables, rebuildAll } from './projection/rebuildAll.js';
import {
  type BenchNats,
  type BenchPostgres,
  standbyLevel,
  startBenchNats,
  startBenchPostgres,
} from './projection/servers.js';
import { median, perSecond, printer, settingsOf } from './projection/settings.js';
import { messagesOf } from './projection/story/messages.js';
import { Story } from './projection/story/story.js';
import { readOptions } from './support/options.js';
import { progress } from './support/progress.js';

const options = readOptions(
  'Rebuild of one million real events, standby attached, beside bare COPY of the same rows.',
  {
    events: { what: 'events in the log', usual: 1_000_000, short: 20_000 },
    runs: { what: 'rebuilds without readers; the middle one is told; 0: none', usual: 3, short: 1 },
    readers: { what: 'dashboard readers and API readers each, during the last rebuild', usual: 2 },
    pace: { what: 'events/s that are projected live meanwhile', usual: 1_000, short: 200 },
    editors: { what: 'editors the events are spread over', usual: 64 },
    seed: { what: 'of the story', usual: 3 },
  },
);

type Print = (line: object) => void;

/** Of the read models as readers see them, on the primary and on the standby, which must be the same. */
async function digests(postgres: BenchPostgres): Promise<TableDigest[]> {
  await standbyLevel(postgres);
  const pools = [postgres.adminUrl, postgres.adminReplicaUrl].map((url) =>
    createPool({ url, applicationName: 'bench-digest', maxConnections: 1, statementTimeoutMs: 0 }),
  );
  try {
    const [primary, standby] = await Promise.all(pools.map((pool: pg.Pool) => digestReadModels(pool)));
    demandEqual('primary and standby', primary ?? [], standby ?? []);
    return primary ?? [];
  } finally {
    await Promise.all(pools.map((pool) => pool.end()));
  }
}

async function fill(nats: BenchNats, print: Print): Promise<Filled> {
  const { seed, editors, events } = options;
  const worker = await nats.connect('worker');
  const story = new Story({ seed, editors, eventsPerSecond: 50_000, beginMs: Date.now() });
  progress(`${events} events into the log`);
  const began = performance.now();
  const filled = await fillLog(worker, messagesOf(story, events));
  await worker.close();
  print({
    bench: 'the log',
    ...{ events: filled.events, messages: filled.messages, sessions: story.sessions, editors },
    bytesPerEvent: Math.round(filled.bytes / filled.events),
    madeAndPublishedPerSecond: perSecond(filled.events, performance.now() - began),
  });
  return filled;
}

async function catchUp(
  postgres: BenchPostgres,
  nats: BenchNats,
  filled: Filled,
  print: Print,
): Promise<void> {
  progress('the live projector catches up');
  const nc = await nats.connect('projector');
  const meter = new CpuMeter({ ...postgres.pids(), nats: nats.pid() });
  const began = performance.now();
  const projecting = await project(postgres, nc);
  await projecting.upTo(filled.lastStreamSeq);
  const ms = performance.now() - began;
  await standbyLevel(postgres);
  print({
    bench: 'live projector catches up from an empty database',
    eventsPerSecond: perSecond(filled.events, ms),
    standbyBehindMs: Math.round(performance.now() - began - ms),
    cpuSecondsPer100k: meter.per100k(filled.events),
  });
  await projecting.stop();
  await nc.close();
}

async function rebuilds(
  postgres: BenchPostgres,
  nats: BenchNats,
  filled: Filled,
  print: Print,
): Promise<void> {
  progress('digests of the live read models, on both servers');
  const live = await digests(postgres);
  const rows = live.reduce((sum, one) => sum + one.rows, 0);
  const runs: { ms: number; cpu: object }[] = [];
  for (let n = 0; n < options.runs; n++) {
    progress(`rebuild ${n + 1} of ${options.runs}`);
    const meter = new CpuMeter({ ...postgres.pids(), nats: nats.pid() });
    // No readers: nobody has to be waited for.
    const { ms, events } = await rebuildAll(postgres, nats, { settleMs: 0 });
    if (events !== filled.events)
      throw new Error(`${filled.events} events lie in the log, ${events} were folded`);
    runs.push({ ms, cpu: meter.per100k(events) });
  }
  const middle = runs.find(({ ms }) => ms === median(runs.map((run) => run.ms))) as (typeof runs)[number];
  progress('digests of the rebuilt ones');
  demandEqual('live and rebuilt', live, await digests(postgres));
  progress('bare COPY of the same rows');
  const tables = await liveTables(postgres);
  const events = await bareCopy(
    postgres,
    tables.filter((table) => table.endsWith('.spark_events')),
  );
  const all = await bareCopy(postgres, tables);
  const rate = perSecond(filled.events, middle.ms);
  const bare = { events: perSecond(filled.events, events.ms), all: perSecond(filled.events, all.ms) };
  print({
    bench: 'rebuild of every read model, standby attached',
    events: filled.events,
    rows,
    eventsPerSecond: rate,
    ofEachRun: runs.map(({ ms }) => perSecond(filled.events, ms)),
    cpuSecondsPer100k: middle.cpu,
    bareCopy: {
      // The same rows by COPY alone, into tables with a primary key: those of spark_events, and those of all read models.
      eventsPerSecondOfEventRows: bare.events,
      eventsPerSecondOfAllRows: bare.all,
      rows: all.rows,
    },
    ratio: {
      toEventRows: Math.round((rate / bare.events) * 100) / 100,
      toAllRows: Math.round((rate / bare.all) * 100) / 100,
    },
    equal: 'live and rebuilt, on primary and standby',
  });
}

/** A rebuild beside live projection, while the standby is read all the time. */
async function underReaders(postgres: BenchPostgres, nats: BenchNats, print: Print): Promise<void> {
  progress('a rebuild under readers, beside live projection');
  const nc = await nats.connect('projector');
  const projecting = await project(postgres, nc);
  const order: ReaderOrder = {
    dashboardUrl: postgres.urlOf('spark_dashboard_ro', 'replica'),
    apiUrl: postgres.urlOf('spark_ingest', 'replica'),
    readers: options.readers,
  };
  const readers = startChild('./readerProcess.js', order);
  await told(readers, (word): word is 'reading' => word === 'reading');
  const { seed, editors, pace: eventsPerSecond } = options;
  const publish: PublisherOrder = { natsUrl: nats.url, seed: seed + 1, editors, eventsPerSecond };
  const publisher = startChild('./publisherProcess.js', publish);
  const published = told(publisher, (word): word is Published => typeof word === 'object');
  const { ms, events } = await rebuildAll(postgres, nats);
  // Until here, however long it took: what is rebuilt beside live projection is flipped beside it too.
  publisher.send('stop');
  const live = await published;
  progress(`rebuilt in ${Math.round(ms / 1_000)} s; ${live.events} events came meanwhile`);
  await projecting.upTo(live.lastStreamSeq);
  const report = told(readers, (word): word is ReaderReport => typeof word === 'object');
  readers.send('stop');
  const reads = await report;
  await projecting.stop();
  await nc.close();
  print({
    bench: 'rebuild under readers of the standby, beside live projection',
    eventsPerSecond: perSecond(events, ms),
    rebuildMs: Math.round(ms),
    livePace: options.pace,
    liveEvents: live.events,
    readers: 2 * options.readers,
    ...reads,
  });
  if (reads.errors > 0) throw new Error(`${reads.errors} reads failed: ${reads.firstErrors.join('; ')}`);
}

const [postgres, nats] = await Promise.all([startBenchPostgres(), startBenchNats()]);
try {
  const print = printer({ ...(await settingsOf(postgres)), natsFsync: nats.fsync });
  const filled = await fill(nats, print);
  await catchUp(postgres, nats, filled, print);
  if (options.runs > 0) await rebuilds(postgres, nats, filled, print);
  await underReaders(postgres, nats, print);
} finally {
  await Promise.all([postgres.stop(), nats.stop()]);
}
process.exit(0);

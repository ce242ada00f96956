/**
 * Live projection at fixed rates, open loop: from JetStream's publish time of a message to the moment its events are visible on the standby.
 * Prints one JSON line a rate, the median of its runs.
 */
import pg from 'pg';
import { startChild, stopChild, told } from './projection/children.js';
import { CpuMeter } from './projection/cpuMeter.js';
import type { ProjectorOrder, ProjectorWord } from './projection/projectorProcess.js';
import type { Published, PublisherOrder } from './projection/publisherProcess.js';
import {
  type BenchNats,
  type BenchPostgres,
  startBenchNats,
  startBenchPostgres,
} from './projection/servers.js';
import { median, perSecond, printer, settingsOf } from './projection/settings.js';
import { readOptions } from './support/options.js';
import { progress } from './support/progress.js';
import { percentile, sleep } from './support/spark.js';

const options = readOptions(
  'Live projection at 10,000, 20,000 and 30,000 events/s: ms from JetStream to visible on the standby.',
  {
    seconds: { what: 'length of a run', usual: 12, short: 3 },
    runs: { what: 'runs of each rate; the middle one by p95 is told', usual: 3, short: 1 },
    rate: { what: 'only this rate, in events/s; 0: all three', usual: 0, short: 2_000 },
    editors: { what: 'editors the events are spread over', usual: 64 },
    seed: { what: 'of the story', usual: 1 },
  },
);
const RATES = [10_000, 20_000, 30_000];
/** How often the standby is asked how far it is: a figure is too large by so much at most. Asked every 2 ms, it took a whole core of two. */
const POLL_MS = 10;
const VISIBLE_LIMIT_MS = 60_000;
/** `spark_events.seq` is the stream's sequence times this, plus the place within the message. */
const SEQS_PER_MESSAGE = 1_024;

interface Run {
  readonly published: Published;
  /** By event: sorted ms from publish to visible. */
  readonly lags: readonly number[];
  readonly cpu: Readonly<Record<string, number>>;
  /** Ms from the last publish to the last event's visibility. */
  readonly drainMs: number;
}

async function run(
  nats: BenchNats,
  replica: pg.Client,
  pids: Record<string, number>,
  order: PublisherOrder & { readonly seconds: number },
): Promise<Run> {
  const seen: { seq: number; atMs: number }[] = [];
  const checkpoint = async (): Promise<number> => {
    const { rows } = await replica.query<{ last_seq: string }>({
      name: 'checkpoint',
      text: "SELECT last_seq FROM spark.checkpoints WHERE name = 'log'",
    });
    return Number(rows[0]?.last_seq ?? 0);
  };
  const before = await checkpoint();
  const publisher = startChild('./publisherProcess.js', order);
  await told(publisher, (word): word is 'prepared' => word === 'prepared');
  const meter = new CpuMeter({ ...pids, nats: nats.pid() });
  let published: Published | undefined;
  let publishedAt = 0;
  let failure: unknown;
  told(publisher, (message): message is Published => typeof message === 'object').then(
    (answer) => {
      published = answer;
      publishedAt = performance.now();
    },
    (error: unknown) => {
      failure = error;
    },
  );
  const limit = performance.now() + order.seconds * 1_000 + VISIBLE_LIMIT_MS;
  for (;;) {
    const seq = await checkpoint();
    if (seq > (seen.at(-1)?.seq ?? before)) seen.push({ seq, atMs: Date.now() });
    if (published !== undefined && seq >= published.lastStreamSeq * SEQS_PER_MESSAGE) break;
    if (performance.now() > limit)
      throw new Error(`event ${seq} is the last one visible, and it goes no further`);
    if (failure !== undefined) throw failure;
    await sleep(POLL_MS);
  }
  const drainMs = performance.now() - publishedAt;
  const cpu = meter.per100k(published.events);
  return { published, lags: await lagsOf(replica, before, seen, published.events), cpu, drainMs };
}

/** Every message's events with the first look that saw them. */
async function lagsOf(
  replica: pg.Client,
  before: number,
  seen: readonly { seq: number; atMs: number }[],
  events: number,
): Promise<number[]> {
  const { rows } = await replica.query<{ seq: string; ms: number; events: number }>(
    `SELECT max(seq) AS seq, extract(epoch FROM min(ts)) * 1000.0::float8 AS ms, count(*)::int AS events
     FROM spark.spark_events WHERE seq > $1 GROUP BY seq / ${SEQS_PER_MESSAGE} ORDER BY 1`,
    [before],
  );
  const lags: number[] = [];
  let at = 0;
  for (const row of rows) {
    while (at < seen.length && (seen[at]?.seq ?? 0) < Number(row.seq)) at++;
    const lag = (seen[at]?.atMs ?? Number.NaN) - Number(row.ms);
    for (let n = 0; n < row.events; n++) lags.push(lag);
  }
  if (lags.length !== events)
    throw new Error(`${events} events were published, ${lags.length} are on the standby`);
  return lags.sort((left, right) => left - right);
}

function line(rate: number, runs: readonly Run[]): object {
  const p95 = (one: Run): number => percentile(one.lags, 0.95);
  const middle = runs.find((one) => p95(one) === median(runs.map(p95))) as Run;
  const { published, lags, cpu, drainMs } = middle;
  const ms = (share: number): number => Math.round(percentile(lags, share) * 10) / 10;
  return {
    bench: 'live projection, stream to visible on the standby',
    eventsPerSecond: rate,
    publishedPerSecond: perSecond(published.events, options.seconds * 1_000),
    editors: options.editors,
    events: published.events,
    ms: { p50: ms(0.5), p95: ms(0.95), p99: ms(0.99), max: ms(1) },
    p95OfEachRun: runs.map((one) => Math.round(p95(one) * 10) / 10),
    generator: {
      lateMs: published.lateMs,
      ackMs: published.ackMs,
      cpuSeconds: Math.round(published.cpuSeconds * 10) / 10,
    },
    drainMs: Math.round(drainMs),
    cpuSecondsPer100k: cpu,
  };
}

async function measure(postgres: BenchPostgres, nats: BenchNats): Promise<void> {
  const settings = { ...(await settingsOf(postgres)), natsFsync: nats.fsync };
  const print = printer(settings);
  const order: ProjectorOrder = {
    postgresUrl: postgres.urlOf('spark_projector', 'primary'),
    from: { natsUrl: nats.url },
  };
  const projector = startChild('./projectorProcess.js', order);
  await told(projector, (word): word is ProjectorWord => (word as ProjectorWord).word === 'ready');
  const replica = new pg.Client(postgres.urlOf('spark_ingest', 'replica'));
  await replica.connect();
  const pids = { ...postgres.pids(), projector: projector.pid ?? 0 };
  const { seed, editors, seconds } = options;
  let serial = seed;
  const once = (eventsPerSecond: number, length: number) => {
    progress(`${eventsPerSecond} events/s for ${length} s`);
    return run(nats, replica, pids, {
      natsUrl: nats.url,
      seed: serial++,
      editors,
      eventsPerSecond,
      seconds: length,
    });
  };
  // Warm-up: code compiled, partitions made.
  await once(5_000, 2);
  for (const rate of options.rate > 0 ? [options.rate] : RATES) {
    const runs: Run[] = [];
    for (let n = 0; n < options.runs; n++) runs.push(await once(rate, seconds));
    print(line(rate, runs));
  }
  await replica.end();
  await stopChild(projector);
}

const [postgres, nats] = await Promise.all([startBenchPostgres(), startBenchNats()]);
try {
  await measure(postgres, nats);
} finally {
  await Promise.all([postgres.stop(), nats.stop()]);
}
process.exit(0);

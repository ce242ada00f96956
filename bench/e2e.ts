/**
 * The whole pipeline, everything on: HTTP ingest → JetStream → worker → Unity MCP (the simulator) → events → Postgres → standby.
 * Prints one JSON line a measurement. Throughput is spread over 64 editors; the simulator writes real files and syncs its effect log, so
 * it is part of what is measured (its CPU is told apart). `--short` is for CI: a look that it runs, no figures to quote.
 */
import { connect, type NatsConnection } from 'nats';
import pg from 'pg';
import { usageOfTree } from './support/procStat.js';
import { type BenchSpark, type Endpoints, sleep, startBenchSpark, summary } from './support/spark.js';

const SHORT = process.argv.includes('--short');
const SYNC = process.argv.includes('--sync-100ms') ? '100ms' : 'always';
const EDITORS = 64;
const BATCH = 100;
const SENDERS = 4;

const editorName = (index: number): string => `bench${index % EDITORS}`;

interface Command {
  readonly type: string;
  readonly editor: string;
  readonly sessionId: string;
  readonly payload: object;
}

let serial = 0;
function nextCommand(): Command {
  const n = serial++;
  return {
    type: 'unity.generate_script',
    editor: editorName(n),
    sessionId: `s${n % 200}`,
    payload: {
      name: `B${n}`,
      path: `Assets/Bench/B${n}.cs`,
      code: `class B${n} { /* ${'x'.repeat(200)} */ }`,
    },
  };
}

async function post(endpoints: Endpoints, body: unknown): Promise<Response> {
  return fetch(`${endpoints.http}/v1/commands`, {
    method: 'POST',
    headers: { authorization: `Bearer ${endpoints.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** Counts terminal live events and tells when each command ended; the clock of this process only. */
class Ends {
  readonly at = new Map<string, number>();
  readonly started = new Map<string, number>();
  count = 0;

  listen(nc: NatsConnection): void {
    const body = (data: Uint8Array) => JSON.parse(new TextDecoder().decode(data)) as { commandId: string };
    nc.subscribe('spark.runtime.unity.started.*', {
      callback: (_error, message) => void this.started.set(body(message.data).commandId, performance.now()),
    });
    for (const suffix of ['completed', 'failed'])
      nc.subscribe(`spark.runtime.unity.${suffix}.*`, {
        callback: (_error, message) => {
          this.count++;
          this.at.set(body(message.data).commandId, performance.now());
        },
      });
  }
}

function usageOf({ pids }: Endpoints): [string, { cpuSeconds: number; rssBytes: number }][] {
  const daemons = Object.entries(pids).flatMap(([name, pid]) => (name === 'main' ? [] : [pid]));
  return Object.entries(pids).map(([name, pid]) => [name, usageOfTree(pid, name === 'main' ? daemons : [])]);
}

const cpuOf = (endpoints: Endpoints): Record<string, number> =>
  Object.fromEntries(usageOf(endpoints).map(([name, { cpuSeconds }]) => [name, cpuSeconds]));

function cpuPer100k(
  before: Record<string, number>,
  after: Record<string, number>,
  commands: number,
): Record<string, number> {
  const names = Object.keys(after);
  return Object.fromEntries(
    names.map((name) => [
      name,
      Math.round((((after[name] ?? 0) - (before[name] ?? 0)) / commands) * 1e6) / 10,
    ]),
  );
}

async function throughput(
  endpoints: Endpoints,
  ends: Ends,
  replica: pg.Pool,
  commands: number,
): Promise<object> {
  const before = cpuOf(endpoints);
  const endedBefore = ends.count;
  const began = performance.now();
  let sent = 0;
  let refused = 0;
  const sender = async (): Promise<void> => {
    while (sent < commands) {
      const size = Math.min(BATCH, commands - sent);
      sent += size;
      const batch = Array.from({ length: size }, nextCommand);
      let response = await post(endpoints, batch);
      while (response.status === 429) {
        refused++;
        await sleep(Number(response.headers.get('retry-after') ?? 1) * 1_000);
        response = await post(endpoints, batch);
      }
      if (response.status !== 202)
        throw new Error(`ingest answered ${response.status}: ${await response.text()}`);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
  const acceptedMs = performance.now() - began;
  while (ends.count - endedBefore < commands) await sleep(10);
  const endedMs = performance.now() - began;
  const total = async () =>
    Number(
      (
        await replica.query(
          "SELECT count(*) AS n FROM spark_commands WHERE state NOT IN ('accepted', 'started')",
        )
      ).rows[0].n,
    );
  while ((await total()) < serial) await sleep(20);
  const visibleMs = performance.now() - began;
  const rate = (ms: number) => Math.round(commands / (ms / 1_000));
  return {
    bench: 'throughput',
    commands,
    editors: EDITORS,
    acceptedPerSecond: rate(acceptedMs),
    executedPerSecond: rate(endedMs),
    visibleOnStandbyPerSecond: rate(visibleMs),
    perEditorPerSecond: Math.round((commands / EDITORS / (endedMs / 1_000)) * 10) / 10,
    refused429: refused,
    cpuSecondsPer100k: cpuPer100k(before, cpuOf(endpoints), commands),
  };
}

/** Open loop: a command is due every 1/rate s whether or not earlier ones have ended, so waiting shows. */
async function latency(
  endpoints: Endpoints,
  ends: Ends,
  ratePerSecond: number,
  seconds: number,
): Promise<object> {
  const before = cpuOf(endpoints);
  const sentAt = new Map<string, number>();
  const accept: number[] = [];
  const pending: Promise<void>[] = [];
  const total = ratePerSecond * seconds;
  const began = performance.now();
  let refused = 0;
  for (let n = 0; n < total; n++) {
    const due = began + (n * 1_000) / ratePerSecond;
    if (performance.now() < due) await sleep(due - performance.now());
    pending.push(
      (async () => {
        const response = await post(endpoints, nextCommand());
        if (response.status !== 202) {
          refused++;
          serial--;
          return;
        }
        const { commandId } = (await response.json()) as { commandId: string };
        accept.push(performance.now() - due);
        sentAt.set(commandId, due);
      })(),
    );
  }
  await Promise.all(pending);
  const limit = performance.now() + 120_000;
  while ([...sentAt.keys()].some((id) => !ends.at.has(id)) && performance.now() < limit) await sleep(20);
  const since = (times: Map<string, number>) =>
    summary([...sentAt].flatMap(([id, due]) => (times.has(id) ? [(times.get(id) as number) - due] : [])));
  return {
    bench: 'latency',
    ratePerSecond,
    seconds,
    refused,
    acceptedMs: summary(accept),
    toHandlerStartMs: since(ends.started),
    toEndMs: since(ends.at),
    cpuSecondsPer100k: cpuPer100k(before, cpuOf(endpoints), total),
  };
}

/** From the end as the live feed tells it to the row on the standby, asked one after the other. */
async function visibility(
  endpoints: Endpoints,
  ends: Ends,
  replica: pg.Pool,
  samples: number,
): Promise<object> {
  const lags: number[] = [];
  for (let n = 0; n < samples; n++) {
    const { commandId } = (await (await post(endpoints, nextCommand())).json()) as { commandId: string };
    while (!ends.at.has(commandId)) await sleep(1);
    for (;;) {
      const { rows } = await replica.query(
        "SELECT 1 FROM spark_commands WHERE command_id = $1 AND state = 'completed'",
        [commandId],
      );
      if (rows.length > 0) break;
      await sleep(1);
    }
    lags.push(performance.now() - (ends.at.get(commandId) as number));
  }
  return { bench: 'end to visible on the standby', ms: summary(lags) };
}

async function measure(spark: BenchSpark): Promise<void> {
  const { endpoints } = spark;
  const nc = await connect({
    servers: endpoints.nats,
    user: endpoints.natsUser,
    pass: endpoints.natsPassword,
    inboxPrefix: endpoints.natsInboxPrefix,
  });
  const replica = new pg.Pool({ connectionString: endpoints.replica, max: 2 });
  const ends = new Ends();
  ends.listen(nc);
  for (let index = 0; index < EDITORS; index++)
    await fetch(`${endpoints.unitySimulator}/sim/editors`, {
      method: 'POST',
      body: JSON.stringify({ editor: editorName(index) }),
    });
  const print = (line: object) =>
    console.log(
      JSON.stringify({ settings: { fsync: SYNC, editors: 'simulator', node: process.version }, ...line }),
    );
  await throughput(endpoints, ends, replica, SHORT ? 200 : 1_000); // warm-up: sessions with every editor, code compiled
  for (let run = 0; run < (SHORT ? 1 : 3); run++)
    print(await throughput(endpoints, ends, replica, SHORT ? 300 : 5_000));
  for (const rate of SHORT ? [50] : [200, 1_000]) print(await latency(endpoints, ends, rate, SHORT ? 2 : 10));
  print(await visibility(endpoints, ends, replica, SHORT ? 20 : 200));
  const rss = usageOf(endpoints).map(([name, { rssBytes }]) => [name, Math.round(rssBytes / 1e6)]);
  print({
    bench: 'resident memory, MB',
    ...Object.fromEntries(rss),
    generatorCpuSeconds: Math.round(process.cpuUsage().user / 1e5) / 10,
  });
  await replica.end();
  await nc.close();
}

const spark = await startBenchSpark({ SPARK_NATS_SYNC: SYNC });
try {
  await measure(spark);
} finally {
  await spark.stop();
}

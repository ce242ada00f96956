/** A process of its own that reads from the standby, one read after the other, until it is told to stop, and then says how that went. */
import { once } from 'node:events';
import { createPool } from '../../src/postgres/pools.js';
import { sleep, summary } from '../support/spark.js';
import { panels, productReads, type Read } from './reads.js';

/** What it is told as its argument, as JSON: URLs of the standby. */
export interface ReaderOrder {
  /** As `spark_dashboard_ro`: the panels. */
  readonly dashboardUrl: string;
  /** As `spark_ingest`: what the API asks. */
  readonly apiUrl: string;
  /** Readers of each of the two. */
  readonly readers: number;
}

/** What it answers over IPC. */
export interface ReaderReport {
  readonly reads: number;
  readonly errors: number;
  readonly firstErrors: readonly string[];
  readonly longestMs: number;
  readonly longestRead: string;
  /** The longest of each read, the longest first: of five reads. */
  readonly longest: Readonly<Record<string, number>>;
  readonly ms: { readonly p50: number; readonly p95: number; readonly p99: number };
}

const SAID_ERRORS = 5;
const SAID_LONGEST = 5;
/** Between two reads of one reader: without it, readers alone would fill the machine. */
const PAUSE_MS = 20;

const order = JSON.parse(process.argv[2] ?? '{}') as ReaderOrder;
const reads: number[] = [];
const errors: string[] = [];
const longestOf = new Map<string, number>();
let stopping = false;

const poolOf = (url: string) =>
  createPool({ url, applicationName: 'bench-reader', maxConnections: order.readers });
const dashboards = poolOf(order.dashboardUrl);
const api = poolOf(order.apiUrl);

async function readOn(pool: typeof api, list: readonly Read[], first: number): Promise<void> {
  for (let n = first; !stopping; n++) {
    const read = list[n % list.length] as Read;
    const began = performance.now();
    try {
      await read.run(pool);
    } catch (error) {
      errors.push(`${read.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    const ms = performance.now() - began;
    reads.push(ms);
    longestOf.set(read.name, Math.max(longestOf.get(read.name) ?? 0, ms));
    await sleep(PAUSE_MS);
  }
}

const lists = [
  { pool: dashboards, list: panels() },
  { pool: api, list: await productReads(api) },
];
const reading = lists.flatMap(({ pool, list }) =>
  Array.from({ length: order.readers }, (_, nth) => readOn(pool, list, nth * 5)),
);
process.send?.('reading');
await once(process, 'message');
stopping = true;
await Promise.all(reading);
await Promise.all([dashboards.end(), api.end()]);
const longest = [...longestOf]
  .sort(([, left], [, right]) => right - left)
  .slice(0, SAID_LONGEST)
  .map(([name, ms]) => [name, Math.round(ms)] as const);
const report: ReaderReport = {
  reads: reads.length,
  errors: errors.length,
  firstErrors: errors.slice(0, SAID_ERRORS),
  longestMs: longest[0]?.[1] ?? 0,
  longestRead: longest[0]?.[0] ?? '',
  longest: Object.fromEntries(longest),
  ms: summary(reads),
};
process.send?.(report, () => process.disconnect());

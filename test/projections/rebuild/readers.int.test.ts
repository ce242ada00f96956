import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { every, pause, systemClock } from '../../../src/core/clock.js';
import { listOperations } from '../../../src/projections/operations/queries.js';
import { rebuild } from '../../../src/projections/rebuild/rebuild.js';
import { rollBack } from '../../../src/projections/rebuild/rollback.js';
import { liveTables } from '../../../src/projections/slots/liveTables.js';
import { type RebuildRig, rebuildRig } from '../../support/rebuildRig.js';
import { replayed } from '../../support/slotFlips.js';

/** Two events each. */
const COMMANDS = 25_000;
const LIVE_COMMANDS_A_TICK = 32;
const TICK_MS = 100;
const TEST_MS = 600_000;

/** The queries of existing dashboards, and what panels ask. */
const QUERIES: Readonly<Record<string, string>> = {
  preview_success: `SELECT COUNT(*) FILTER (WHERE type = 'preview.completed')::float / NULLIF(COUNT(*), 0) * 100 AS success_rate
    FROM spark_events WHERE ts >= NOW() - INTERVAL '1 hour' AND type LIKE 'preview.%'`,
  script_latency: `SELECT PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY ms) AS p95_ms
    FROM (SELECT EXTRACT(EPOCH FROM (MAX(ts) - MIN(ts))) * 1000 AS ms FROM spark_events
      WHERE type IN ('generate_unity_script.started', 'generate_unity_script.completed') GROUP BY session_id) latencies`,
  calls: `SELECT name, status, COUNT(*), AVG(duration_ms) FROM spark_function_calls
    WHERE ts >= NOW() - INTERVAL '1 hour' GROUP BY name, status`,
  sessions: 'SELECT count(*)::int AS n, sum(events)::int AS events FROM spark_sessions',
  commands: 'SELECT state, count(*)::int AS n FROM spark_commands GROUP BY state',
  depth: 'SELECT * FROM spark_queue_depth LIMIT 50',
  rollup: 'SELECT name, sum(calls) AS calls FROM rollup_calls_minute GROUP BY name',
  images: 'SELECT count(*)::int AS n, sum(bytes)::int AS bytes FROM spark_images',
};

interface Reads {
  count: number;
  longestMs: number;
  longest: string;
  readonly errors: string[];
  /** Answers that went back: fewer events than an earlier one of the same reader had seen. */
  readonly wentBack: string[];
}

let rig: RebuildRig;
beforeAll(async () => {
  rig = await rebuildRig(systemClock.nowMs() - 600_000);
}, TEST_MS);
afterAll(() => rig.stop());

/** Reads in a loop until the signal aborts, as a dashboard does: one connection, one question after the other. */
async function readInALoop(reads: Reads, signal: AbortSignal): Promise<void> {
  const pool = rig.db.pool('spark_dashboard_ro', 'replica');
  const api = rig.db.pool('spark_ingest', 'replica');
  let seen = 0;
  const ask = async (name: string, work: () => Promise<void>): Promise<void> => {
    const beganMs = performance.now();
    try {
      await work();
    } catch (error) {
      reads.errors.push(`${name}: ${String(error)}`);
    }
    const tookMs = performance.now() - beganMs;
    reads.count++;
    if (tookMs > reads.longestMs) Object.assign(reads, { longestMs: tookMs, longest: name });
  };
  while (!signal.aborted) {
    for (const [name, text] of Object.entries(QUERIES))
      await ask(name, async () => {
        const { rows } = await pool.query<{ events?: number }>(text);
        const events = name === 'sessions' ? (rows[0]?.events ?? 0) : seen;
        if (events < seen) reads.wentBack.push(`${events} after ${seen}`);
        seen = events;
      });
    await ask('api', async () => {
      await liveTables(api);
      await listOperations(api, { sessionId: 'session-1', limit: 20 });
    });
    await pause(systemClock, 20, signal);
  }
}

async function standbyHas({ db }: RebuildRig): Promise<void> {
  const client = await db.admin.connect();
  try {
    await replayed(client, db.pool('spark_ingest', 'replica'));
  } finally {
    client.release();
  }
}

describe('readers on the standby', () => {
  it(
    'given a rebuild and a rollback under live events, then no read fails or goes back, and every row is equal on both servers',
    async () => {
      rig.busy.work(COMMANDS);
      await rig.live.projector.start();
      await rig.live.caughtUp();
      const reads: Reads = { count: 0, longestMs: 0, longest: '', errors: [], wentBack: [] };
      const stopReading = new AbortController();
      const reading = Promise.all([1, 2].map(() => readInALoop(reads, stopReading.signal)));
      const stopWorking = every(
        TICK_MS,
        () => rig.busy.work(LIVE_COMMANDS_A_TICK),
        () => undefined,
      );
      const rebuilt = await rebuild(rig.options());
      const back = await rollBack(rig.options());
      // Into the slot that readers have just left.
      const again = await rebuild(rig.options({ settleMs: 1_000 }));
      stopWorking();
      await rig.live.caughtUp();
      stopReading.abort();
      await reading;

      const live = await rig.digest();
      await standbyHas(rig);
      expect(await rig.digest('replica')).toEqual(live);
      // What was projected live all the time, beside what was built twice.
      await rollBack(rig.options());
      expect(await rig.digest()).toEqual(live);
      expect(reads.errors).toEqual([]);
      expect(reads.wentBack).toEqual([]);
      expect(reads.count).toBeGreaterThan(50);
      expect(rig.live.errors).toEqual([]);
      expect([rebuilt, back, again].every(({ flipped }) => flipped.length === live.length)).toBe(true);
      const rate = ({ events, durationMs }: typeof rebuilt): string =>
        `${events} events in ${Math.round(durationMs)} ms`;
      console.log(
        `rebuilt ${rate(rebuilt)}, back ${rate(back)}, again ${rate(again)}; ` +
          `${reads.count} reads, the longest ${Math.round(reads.longestMs)} ms (${reads.longest})`,
      );
    },
    TEST_MS,
  );
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { createPools, type PostgresPools } from '../../src/postgres/pools.js';
import { digestReadModels } from '../../src/projections/digest.js';
import { freshness } from '../../src/projections/freshness.js';
import { endOfMessage } from '../../src/projections/logPosition.js';
import { createSeqWaiter } from '../../src/projections/seqWaiter.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { projectorRig, type Rig } from '../support/projectorRig.js';
import { command, completed, failed, started } from '../support/story.js';

let db: TestDatabase;
let rig: Rig;
let pools: PostgresPools;

beforeAll(async () => {
  db = await createTestDatabase();
  rig = projectorRig(db.pool('spark_projector'));
  pools = createPools({
    primaryUrl: db.urlFor('spark_ingest'),
    replicaUrl: db.urlFor('spark_ingest', 'replica'),
    applicationName: 'test',
  });
  await rig.projector.start();
  const nowMs = systemClock.nowMs();
  for (let i = 0; i < 20; i++) {
    const script = command({ sessionId: `session-${i % 4}` });
    const preview = command({ type: 'unity.render_preview' });
    rig.log.append([started(script), started(preview)], nowMs - 5_000 + i * 10);
    rig.log.append(
      [completed(script, { durationMs: 100 }), i % 4 === 0 ? failed(preview, 'failed') : completed(preview)],
      nowMs - 4_000 + i * 10,
    );
  }
  await rig.caughtUp();
});

afterAll(async () => {
  await rig.projector.stop();
  await pools.end();
  await db.drop();
});

describe('the replica', () => {
  it('given an event projected on the primary, then waiting for its sequence ends when the replica shows it', async () => {
    const waiter = createSeqWaiter(pools.replica, systemClock);
    const target = endOfMessage(rig.log.stream.lastSeq);
    const all = await Promise.all(Array.from({ length: 50 }, () => waiter.waitForSeq(target, 5_000)));
    expect(all.every(Boolean)).toBe(true);
    expect(await waiter.waitForSeq(target + 1, 30)).toBe(false);
    expect(await digestReadModels(db.pool('spark_ingest', 'replica'))).toEqual(
      await digestReadModels(db.pool('spark_ingest')),
    );
  });

  it('tells how fresh it is', async () => {
    expect(await freshness(pools)).toEqual({
      primarySeq: endOfMessage(rig.log.stream.lastSeq),
      replicaSeq: endOfMessage(rig.log.stream.lastSeq),
      replicaTsMs: expect.closeTo(systemClock.nowMs(), -5),
      isStandby: true,
      streaming: true,
      bytesBehind: expect.any(Number),
    });
  });

  it('given no replica, then says so', async () => {
    const alone = createPools({ primaryUrl: db.urlFor('spark_ingest'), applicationName: 'test' });
    expect(await freshness(alone)).toMatchObject({ isStandby: false, streaming: false, bytesBehind: null });
    await alone.end();
  });
});

describe('the queries of existing dashboards, unchanged, as their role on the replica', () => {
  const ask = async (sql: string) => (await db.pool('spark_dashboard_ro', 'replica').query(sql)).rows;

  it('preview success rate', async () => {
    expect(
      await ask(`SELECT COUNT(*) FILTER (WHERE type = 'preview.completed')::float / NULLIF(COUNT(*), 0) * 100 AS success_rate
FROM spark_events WHERE ts >= NOW() - INTERVAL '1 hour' AND type LIKE 'preview.%';`),
    ).toEqual([{ success_rate: 37.5 }]);
  });

  it('p95 latency of generated scripts', async () => {
    const rows = await ask(`SELECT PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY ms) AS p95_ms
FROM (SELECT EXTRACT(EPOCH FROM (MAX(ts) - MIN(ts))) * 1000 AS ms FROM spark_events
      WHERE type IN ('generate_unity_script.started', 'generate_unity_script.completed') GROUP BY session_id) latencies;`);
    expect(rows).toEqual([{ p95_ms: 1_160 }]);
  });

  it('calls by name and status', async () => {
    const rows = await ask(`SELECT name, status, COUNT(*), AVG(duration_ms) FROM spark_function_calls
WHERE ts >= NOW() - INTERVAL '1 hour' GROUP BY name, status;`);
    expect(rows).toHaveLength(3);
    expect(rows).toContainEqual({ name: 'generate_unity_script', status: 'success', count: '20', avg: 100 });
    expect(rows).toContainEqual({ name: 'render_unity_preview', status: 'error', count: '5', avg: 7 });
  });
});

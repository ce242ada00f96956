import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { createPools, type PostgresPools } from '../../src/postgres/pools.js';
import { digestReadModels } from '../../src/projections/digest.js';
import { writeHeartbeat } from '../../src/projections/heartbeat.js';
import { endOfMessage } from '../../src/projections/logPosition.js';
import { createSeqWaiter } from '../../src/projections/seqWaiter.js';
import { sampleServer } from '../../src/projections/serverSample.js';
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

  it('tells where it stands, as the primary does', async () => {
    const [replica, primary] = await Promise.all([sampleServer(pools.replica), sampleServer(pools.primary)]);
    const seq = endOfMessage(rig.log.stream.lastSeq);
    const shared = { appliedSeq: seq, lastTsMs: expect.closeTo(systemClock.nowMs(), -5) };
    expect(replica).toMatchObject({ ...shared, isStandby: true, streaming: true });
    expect(primary).toMatchObject({ ...shared, isStandby: false, streaming: null });
    expect(replica.walBytes).toBeGreaterThan(0);
    // All the log held when the heartbeat asked is shown; without one, all up to the newest message.
    expect(replica.completeUntilMs).toBe(replica.lastTsMs);
    const askedAtMs = systemClock.nowMs();
    await writeHeartbeat(db.pool('spark_projector'), askedAtMs, seq);
    await expect.poll(async () => (await sampleServer(pools.replica)).completeUntilMs).toBe(askedAtMs);
    // An older word, and a newer one that says that the log has gone on: neither is a reason to promise more.
    await writeHeartbeat(db.pool('spark_projector'), askedAtMs - 500, seq);
    expect((await sampleServer(pools.primary)).completeUntilMs).toBe(askedAtMs);
    await writeHeartbeat(db.pool('spark_projector'), askedAtMs + 1, seq + 1);
    expect((await sampleServer(pools.primary)).completeUntilMs).toBe(replica.lastTsMs);
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

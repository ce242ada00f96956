import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { listPartitions } from '../../../src/projections/retention/partitionCut.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { type RetentionRig, retentionRig } from '../../support/retentionRig.js';

let db: TestDatabase;
let rig: RetentionRig;
let standby: pg.Pool;

beforeAll(async () => {
  db = await createTestDatabase();
  rig = retentionRig(db);
  standby = db.pool('spark_dashboard_ro', 'replica');
  await rig.projector.start();
  for (let day = 0; day < 12; day++) for (let i = 0; i < 5; i++) rig.change('s', day);
  await rig.caughtUp();
});

afterAll(async () => {
  await rig.projector.stop();
  await rig.owner.end();
  await db.drop();
});

const partitions = async (state: string): Promise<number> =>
  (await listPartitions(db.admin)).filter(
    (part) => part.state === state && part.name.startsWith('spark_events_2026030'),
  ).length;

/** Asks over and over on the standby, as dashboards do; answers how long the slowest took. */
async function readUntil(over: Promise<unknown>): Promise<{ slowestMs: number; reads: number }> {
  let going = true;
  void over.finally(() => {
    going = false;
  });
  let slowestMs = 0;
  let reads = 0;
  while (going) {
    const beganMs = systemClock.monotonicMs();
    await standby.query(`SELECT count(*) FROM spark_events WHERE ts >= now() - interval '400 days'`);
    await standby.query('SELECT name, count(*) FROM spark_function_calls GROUP BY name');
    slowestMs = Math.max(slowestMs, systemClock.monotonicMs() - beganMs);
    reads++;
  }
  return { slowestMs, reads };
}

describe('dropping partitions under readers on the standby', () => {
  it('given a query that reads for 5 s what is to be dropped, then it ends well, nobody else waits, and then the partitions are gone', async () => {
    const shown = async () => (await standby.query('SELECT count(*) FROM spark_events')).rows[0].count;
    await expect.poll(shown, { timeout: 10_000 }).toBe('120');
    const long = await standby.connect();
    const beganMs = systemClock.monotonicMs();
    const answer = long.query('SELECT count(*) FROM (SELECT pg_sleep(0.04) FROM spark_events OFFSET 0) slow');
    const longMs = answer.then(() => systemClock.monotonicMs() - beganMs);
    await systemClock.sleep(300);
    const run = rig.retain({ detailDays: 10 }, 20, { patienceMs: 20_000 });
    const { slowestMs, reads } = await readUntil(run);
    const report = await run;
    expect((await answer).rows).toEqual([{ count: '120' }]);
    long.release();
    expect(report.partitions.filter((name) => name.startsWith('spark_blue.spark_events'))).toHaveLength(10);
    expect(report.postponed).toEqual([]);
    expect(reads).toBeGreaterThan(20);
    // Whoever waits for a lock behind the long query waits for most of it.
    expect(slowestMs).toBeLessThan((await longMs) / 2);
    expect(await partitions('attached')).toBe(0);
  });

  it('given a reader that does not end, then it is left alone, new readers do not see the rows any more, and the next run goes on', async () => {
    for (let i = 0; i < 5; i++) rig.change('s', 12);
    await rig.caughtUp();
    const long = await standby.connect();
    await long.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    const seen = Number((await long.query('SELECT count(*) FROM spark_events')).rows[0].count);
    expect(seen).toBeGreaterThan(0);

    const report = await rig.retain({ detailDays: 10 }, 30, { patienceMs: 700 });

    expect(report.postponed.length).toBeGreaterThan(0);
    expect((await long.query('SELECT count(*) FROM spark_events')).rows).toEqual([{ count: String(seen) }]);
    await long.query('COMMIT');
    long.release();
    const again = await rig.retain({ detailDays: 10 }, 30);
    expect(again.postponed).toEqual([]);
    expect(again.partitions).toEqual(expect.arrayContaining([...report.postponed]));
    expect((await db.admin.query('SELECT count(*) FROM spark.spark_events')).rows).toEqual([{ count: '0' }]);
  });
});

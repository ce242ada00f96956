import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { ensurePartitions, hourOf, newestStep } from '../../../src/postgres/partitions.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { projectorRig, type Rig } from '../../support/projectorRig.js';
import { command, completed, STORY_BEGAN_MS, started } from '../../support/story.js';

const HOUR_MS = 3_600_000;
let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(async () => {
  await db.drop();
});

/** What follows `spark_events_` in the names of partitions of these days. */
async function made(pattern: string, table = 'spark_blue.spark_events'): Promise<string[]> {
  const { rows } = await db.admin.query<{ part: string }>(
    `SELECT substring(c.relname FROM '_([0-9]+)$') AS part FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = $1::regclass AND c.relname ~ $2 ORDER BY 1`,
    [table, `_${pattern}[0-9]*$`],
  );
  return rows.map(({ part }) => part);
}

const hour = (iso: string): number => hourOf(Date.parse(iso));

describe('partitions', () => {
  it('given a day that has a day partition, then it stays so when hours are asked for; a day with hours gets the rest of its hours', async () => {
    const pool = db.pool('spark_projector');
    const table = ['spark_blue.spark_events'];
    await ensurePartitions(pool, table, [hour('2025-05-01T00:00:00Z')], 'day');
    await ensurePartitions(pool, table, [hour('2025-05-01T07:00:00Z'), hour('2025-05-02T07:00:00Z')], 'hour');
    expect(await made('2025050')).toEqual(['20250501', '2025050207']);
    expect(await newestStep(pool, 'spark_blue.spark_events')).toBe('hour');
    await ensurePartitions(pool, table, [hour('2025-05-02T00:00:00Z')], 'day');
    expect(await made('20250502')).toHaveLength(24);
    await ensurePartitions(pool, table, [hour('2025-05-03T00:00:00Z')], 'day');
    expect(await newestStep(pool, 'spark_blue.spark_events')).toBe('day');
  });

  it('given two at once that ask for the same, then each is made once', async () => {
    const hours = Array.from({ length: 6 }, (_, i) => hour('2025-06-01T00:00:00Z') + i * 24);
    const pools = [db.pool('spark_projector'), db.pool('spark_projector')];
    await Promise.all(pools.map((pool) => ensurePartitions(pool, ['spark_green.spark_usage'], hours, 'day')));
    expect(await made('202506', 'spark_green.spark_usage')).toHaveLength(6);
  });

  it('given what a drop that was cut off has left detached, then it is made anew', async () => {
    const at = [hour('2025-07-01T00:00:00Z')];
    await ensurePartitions(db.pool('spark_projector'), ['spark_blue.spark_events'], at, 'day');
    await db.admin.query(
      'ALTER TABLE spark_blue.spark_events DETACH PARTITION spark_blue.spark_events_20250701',
    );
    await ensurePartitions(db.pool('spark_projector'), ['spark_blue.spark_events'], at, 'day');
    expect(await made('202507')).toEqual(['20250701']);
  });

  it('given readers and writers under way in the table, then making more waits for none of them', async () => {
    const busy = await db.admin.connect();
    await busy.query(
      'BEGIN; SELECT count(*) FROM spark_blue.spark_events; LOCK TABLE spark_blue.spark_events IN ROW EXCLUSIVE MODE',
    );
    await db.admin.query(`SET lock_timeout = '500ms'`);
    await ensurePartitions(db.admin, ['spark_blue.spark_events'], [hour('2025-08-01T00:00:00Z')], 'day');
    await busy.query('ROLLBACK');
    busy.release();
    expect(await made('202508')).toEqual(['20250801']);
  });
});

describe('the projector', () => {
  it('given a log that grows fast, then it goes over to hours, three ahead; after a restart it goes on by the hour, and by the day when the log is slow again', async () => {
    const own = await createTestDatabase();
    const pool = own.pool('spark_projector');
    let nowMs = STORY_BEGAN_MS;
    const clock = { ...systemClock, nowMs: () => nowMs };
    // Three events in five minutes are fast here.
    const rig = projectorRig(pool, { clock, hourAboveEventsPerS: 0.01 });
    const pass = async (projecting: Rig, hours: number, commandsAnHour: number): Promise<void> => {
      for (let passed = 0; passed < hours; passed++) {
        for (let i = 0; i < commandsAnHour; i++) {
          const story = command();
          rig.log.append([started(story), completed(story)], nowMs + (i * HOUR_MS) / commandsAnHour);
        }
        nowMs += HOUR_MS;
        await projecting.caughtUp();
      }
    };
    await rig.projector.start();
    await pass(rig, 80, 24);
    const days = ['20260301', '20260302', '20260303', '20260304'];
    expect(await madeIn(own)).toEqual(days);
    await pass(rig, 9, 24);
    // 2026-03-05, 02:00 is the last hour with an event.
    const hours = ['00', '01', '02', '03', '04', '05'].map((at) => `20260305${at}`);
    expect(await madeIn(own)).toEqual([...days, ...hours]);
    await rig.projector.stop();

    const again = projectorRig(pool, { clock, hourAboveEventsPerS: 0.01, log: rig.log });
    await again.projector.start();
    await pass(again, 2, 24);
    expect((await madeIn(own)).at(-1)).toBe('2026030507');
    // One command an hour: slow. What has begun as hours ends as hours, then come days.
    await pass(again, 30, 1);
    const all = await madeIn(own);
    expect(all.filter((part) => part.startsWith('20260305'))).toHaveLength(24);
    expect(all.filter((part) => part > '2026030599')).toEqual([
      '20260306',
      '20260307',
      '20260308',
      '20260309',
    ]);
    expect([...rig.errors, ...again.errors]).toEqual([]);
    const { rows } = await own.admin.query('SELECT count(*)::int AS n FROM spark.spark_events');
    expect(rows).toEqual([{ n: 2 * (91 * 24 + 30) }]);
    await again.projector.stop();
    await own.drop();
  });
});

/** Names of the partitions of spark_events in the year of the story. */
async function madeIn(own: TestDatabase): Promise<string[]> {
  const { rows } = await own.admin.query<{ part: string }>(
    `SELECT substring(c.relname FROM '_([0-9]+)$') AS part FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'spark_blue.spark_events'::regclass AND c.relname ~ '_20260[1-6]' ORDER BY 1`,
  );
  return rows.map(({ part }) => part);
}

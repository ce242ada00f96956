import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { digestReadModels } from '../../../src/projections/digest.js';
import { rebuild } from '../../../src/projections/rebuild/rebuild.js';
import { KEPT_OPERATIONS } from '../../../src/projections/retention/rules.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { DAY_MS, type RetentionRig, retentionRig } from '../../support/retentionRig.js';
import { command, completed, failed, operationOf, STORY_BEGAN_MS, started } from '../../support/story.js';

// Dozens of partitions go one by one, and everything is made anew: a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 });

let db: TestDatabase;
let rig: RetentionRig;
const databases: TestDatabase[] = [];

beforeEach(async () => {
  db = await createTestDatabase();
  databases.push(db);
  rig = retentionRig(db);
  await rig.projector.start();
});

afterEach(async () => {
  await rig.projector.stop();
  await rig.owner.end();
});

afterAll(async () => {
  for (const each of databases) await each.drop();
});

const count = async (from: string): Promise<number> =>
  Number((await db.admin.query(`SELECT count(*) AS n FROM ${from}`)).rows[0].n);
const atDay = (day: number): number => STORY_BEGAN_MS + day * DAY_MS;

/** Live = made anew from the log: retention included. */
async function expectRebuiltToBeTheSame(): Promise<void> {
  const live = await digestReadModels(db.pool('spark_projector'));
  await rig.projector.stop();
  const { flipped } = await rebuild({
    pool: db.pool('spark_projector'),
    logSource: rig.log,
    imageSource: rig.images,
    clock: systemClock,
    signal: new AbortController().signal,
    settleMs: 0,
  });
  expect(flipped).toContain('spark_operations');
  expect(await digestReadModels(db.pool('spark_projector'))).toEqual(live);
  await rig.projector.start();
}

describe('retention by age', () => {
  it('given details older than the term, then they go from every table, and what is open stays', async () => {
    const open = command({ sessionId: 'open' });
    const build = command({ type: 'unity.run_build', sessionId: 'building' });
    rig.log.append([started(open)], atDay(0));
    rig.log.append([{ ...started(build), build: { outputPath: 'Builds/x', target: 'WebGL' } }], atDay(0) + 1);
    const preview = command({ type: 'unity.render_preview', sessionId: 'old' });
    rig.log.append([started(preview), failed(preview, 'conflict')], atDay(0) + 2);
    for (let day = 0; day < 12; day++) rig.change('old', day);
    rig.change('young', 35);
    await rig.caughtUp();

    const report = await rig.retain({ detailDays: 10 }, 40);

    expect(report.partitions).toContain('spark_blue.spark_events_20260301');
    expect(report.partitions).toContain('spark_blue.spark_function_calls_20260312');
    expect(report.rows).toMatchObject({ command_states: 13, spark_sessions: 1, spark_generated_scripts: 12 });
    const { rows } = await db.admin.query(
      'SELECT session_id, state FROM spark.command_states ORDER BY session_id',
    );
    expect(rows).toEqual([
      { session_id: 'building', state: 'started' },
      { session_id: 'open', state: 'started' },
      { session_id: 'young', state: 'completed' },
    ]);
    expect(await count('spark.spark_events')).toBe(2);
    expect(await count('spark.spark_function_calls')).toBe(1);
    expect(await count(`spark.spark_build_jobs WHERE state = 'started'`)).toBe(1);
    expect(await count('spark.rollup_calls_minute')).toBeGreaterThan(12);
    await expectRebuiltToBeTheSame();
  });

  it(`given a session with more than ${KEPT_OPERATIONS} old operations, then the newest ${KEPT_OPERATIONS} stay with their images, and no other image does`, async () => {
    for (let i = 0; i < KEPT_OPERATIONS + 20; i++) rig.change('many', i / 10);
    const last = rig.change('few', 0);
    rig.change('other', 0, { text: 'class Shared {}' });
    rig.change('young', 39, { text: 'class Shared {}' });
    await rig.caughtUp();
    const images = await count('spark.spark_images');

    const report = await rig.retain({ detailDays: 10 }, 40);

    expect(report.rows).toMatchObject({ spark_operations: 20, spark_images: 40 });
    expect(await count(`spark.spark_operations WHERE session_id = 'many'`)).toBe(KEPT_OPERATIONS);
    expect(await count(`spark.spark_operations WHERE session_id = 'few'`)).toBe(1);
    expect(await count(`spark.spark_operations WHERE command_id = '${last.commandId}'`)).toBe(1);
    expect(await count('spark.spark_images')).toBe(images - 40);
    const unnamed = `spark.spark_images i WHERE NOT EXISTS (SELECT FROM spark.spark_operations o
      WHERE i.sha256 IN (o.before_sha256, o.after_sha256, o.before_meta_sha256, o.after_meta_sha256))`;
    expect(await count(unnamed)).toBe(0);
    await expectRebuiltToBeTheSame();
  });

  it('given sessions, commands and images that come back after they went, then live and rebuilt begin them anew alike', async () => {
    const again = randomUUID();
    rig.change('returns', 0, { commandId: again, text: 'class Same {}' });
    for (let i = 0; i < KEPT_OPERATIONS; i++) rig.change('returns', 1);
    const undone = operationOf(command({ commandId: again, sessionId: 'returns' }), null, 'class Same {}');
    await rig.caughtUp();
    await rig.retain({ detailDays: 10 }, 20);
    expect(await count('spark.command_states')).toBe(0);
    expect(await count(`spark.spark_sessions`)).toBe(0);

    rig.change('returns', 21, { commandId: again, text: 'class Same {}' });
    const undo = command({ type: 'session.undo', sessionId: 'returns' });
    rig.log.append([started(undo)], atDay(21.5));
    rig.log.append([completed(undo, { change: { direction: 'undo', operation: undone } })], atDay(21.5) + 1);
    await rig.caughtUp();
    const { rows } = await db.admin.query('SELECT commands::int, events::int FROM spark.spark_sessions');
    expect(rows).toEqual([{ commands: 2, events: 4 }]);
    expect(await count(`spark.command_states WHERE command_id = '${again}'`)).toBe(1);
    await expectRebuiltToBeTheSame();
    await rig.retain({ detailDays: 10 }, 40);
    await expectRebuiltToBeTheSame();
  });

  it('given small cuts and batches between them, then live and rebuilt are the same', async () => {
    for (let day = 0; day < 20; day++) {
      for (let i = 0; i < 6; i++) rig.change(`session-${(day + i) % 4}`, day);
      await rig.caughtUp();
      if (day % 3 === 0) await rig.retain({ detailDays: 2, rollupDays: 5 }, day + 0.5, { sliceRows: 4 });
    }
    await rig.retain({ detailDays: 2, rollupDays: 5 }, 22, { sliceRows: 4 });
    expect(await count('spark.retention_cuts')).toBeGreaterThan(20);
    expect(await count(`spark.rollup_calls_minute WHERE minute < '2026-03-18T10:00:00Z'`)).toBe(0);
    await expectRebuiltToBeTheSame();
  });

  it('given rollups with a term of their own, then they stay longer than the details', async () => {
    rig.change('a', 0);
    rig.change('a', 20);
    await rig.caughtUp();
    await rig.retain({ detailDays: 5, rollupDays: 30 }, 34);
    expect(await count('spark.spark_events')).toBe(0);
    expect(await count('spark.rollup_calls_minute')).toBe(1);
  });

  it('given no limits, then nothing goes', async () => {
    rig.change('a', 0);
    await rig.caughtUp();
    const before = await digestReadModels(db.pool('spark_projector'));
    expect(await rig.retain({}, 10_000)).toMatchObject({ partitions: [], rows: {}, freedBytes: 0 });
    expect(await digestReadModels(db.pool('spark_projector'))).toEqual(before);
  });
});

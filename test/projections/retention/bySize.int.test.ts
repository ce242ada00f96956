import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listPartitions } from '../../../src/projections/retention/partitionCut.js';
import { weighReadModels } from '../../../src/projections/retention/weigh.js';
import { readTables } from '../../../src/projections/slots/readTables.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { type RetentionRig, retentionRig } from '../../support/retentionRig.js';

let db: TestDatabase;
let rig: RetentionRig;

beforeAll(async () => {
  db = await createTestDatabase();
  rig = retentionRig(db);
  await rig.projector.start();
  for (let day = 0; day < 6; day++) for (let i = 0; i < 20; i++) rig.change(`s${i}`, day);
  await rig.caughtUp();
});

afterAll(async () => {
  await rig.projector.stop();
  await rig.owner.end();
  await db.drop();
});

const days = async (): Promise<number[]> => {
  const { rows } = await db.admin.query<{ day: number }>(
    'SELECT DISTINCT extract(day FROM ts)::int AS day FROM spark.spark_events ORDER BY 1',
  );
  return rows.map((row) => row.day);
};

describe('retention by size', () => {
  it('given read models that weigh more than they may, then their oldest partitions go, one after the other, until they do not', async () => {
    const before = await weighReadModels(db.admin, await readTables(db.admin));
    const aDay = (await listPartitions(db.admin))
      .filter((part) => part.state === 'attached' && part.name.endsWith('_20260302'))
      .reduce((sum, part) => sum + part.bytes, 0);
    expect(aDay).toBeGreaterThan(50_000);

    const report = await rig.retain({ maxBytes: before - 2 * aDay + 8_192 }, 6);

    expect(report.overfull).toBe(false);
    expect(report.bytes).toBeLessThanOrEqual(before - 2 * aDay + 8_192);
    expect(await days()).toEqual([3, 4, 5, 6]);
    expect(report.freedBytes).toBeGreaterThan(aDay);
    expect(report.rows).toMatchObject({ command_states: 40 });
    expect(await rig.retain({ maxBytes: before }, 6)).toMatchObject({ partitions: [], rows: {} });
  });

  it('given a limit that nothing can meet, then the day that is being written stays, and it says so', async () => {
    const report = await rig.retain({ maxBytes: 1 }, 6);
    expect(report.overfull).toBe(true);
    expect(await days()).toEqual([6]);
    rig.change('s0', 5.2);
    await rig.caughtUp();
    expect(rig.errors).toEqual([]);
  });
});

import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOG_CHECKPOINT, readCheckpoint } from '../../../src/projections/checkpoint.js';
import { readIdleTables } from '../../../src/projections/rebuild/idleTables.js';
import { rebuild } from '../../../src/projections/rebuild/rebuild.js';
import { readTables } from '../../../src/projections/slots/readTables.js';
import { type RebuildRig, rebuildRig } from '../../support/rebuildRig.js';
import { STORY_BEGAN_MS } from '../../support/story.js';

const rigs: RebuildRig[] = [];
let rig: RebuildRig;

beforeEach(async () => {
  rig = await rebuildRig(STORY_BEGAN_MS);
  rigs.push(rig);
});
afterEach(async () => {
  await rig.live.projector.stop();
});
afterAll(async () => {
  for (const each of rigs) await each.stop();
});

const schemasOf = async (): Promise<Record<string, string>> => {
  const tables = await readTables(rig.db.admin);
  return Object.fromEntries(tables.names.map((table) => [table, tables.schemaOf(table)]));
};

/** Projects what the log holds, and stops. */
const projected = async (): Promise<void> => {
  await rig.live.projector.start();
  await rig.live.caughtUp();
};

describe('a rebuild of everything', () => {
  it('given poison among many events and a projector at work, then every row and every dead letter is the same, in the other slot', async () => {
    rig.busy.work(300);
    rig.busy.poison();
    rig.busy.work(300);
    await projected();
    const before = await rig.digest();
    expect(before.filter(({ rows }) => rows === 0)).toEqual([]);
    expect(before.find(({ table }) => table === 'projector_dead_letters')?.rows).toBe(4);
    const result = await rebuild(rig.options());
    expect(await rig.digest()).toEqual(before);
    expect(new Set(Object.values(await schemasOf()))).toEqual(new Set(['spark_green']));
    expect(result).toMatchObject({ resumed: false, poisoned: 4 });

    rig.busy.work(100);
    await rig.live.caughtUp();
    const after = await rig.digest();
    expect(after).not.toEqual(before);
    await rebuild(rig.options());
    expect(await rig.digest()).toEqual(after);
    expect(new Set(Object.values(await schemasOf()))).toEqual(new Set(['spark_blue']));
    expect(rig.live.errors).toEqual([]);
  });

  it('given no projector at work and a log that has gone on, then the new version has it all, and the projector goes on behind it', async () => {
    rig.busy.work(100);
    await projected();
    await rig.live.projector.stop();
    rig.busy.work(100);
    const result = await rebuild(rig.options());
    const at = await readCheckpoint(rig.db.admin, LOG_CHECKPOINT);
    expect(at?.lastSeq).toBe(result.untilSeq);
    rig.busy.work(50);
    await projected();
    const live = await rig.digest();
    await rebuild(rig.options());
    expect(await rig.digest()).toEqual(live);
  });

  it('given a database that nothing was ever projected into, then it is filled', async () => {
    rig.busy.work(50);
    await rebuild(rig.options());
    const rebuilt = await rig.digest();
    expect(rebuilt.find(({ table }) => table === 'spark_events')?.rows).toBeGreaterThan(50);
    rig.busy.work(20);
    await projected();
    const live = await rig.digest();
    await rebuild(rig.options());
    expect(await rig.digest()).toEqual(live);
  });

  it('given an empty log, then it ends', async () => {
    expect(await rebuild(rig.options())).toMatchObject({ events: 0, untilSeq: 1_023 });
  });
});

describe('a rebuild of some', () => {
  it('given one read model, then it alone is flipped, equal, and projected into from then on', async () => {
    rig.busy.work(200);
    rig.busy.poison();
    await projected();
    const before = await rig.digest();
    const result = await rebuild(rig.options({ names: ['spark_sessions'] }));
    expect(result.flipped).toEqual(['spark_sessions']);
    expect(await rig.digest()).toEqual(before);
    const schemas = await schemasOf();
    expect(Object.keys(schemas).filter((table) => schemas[table] === 'spark_green')).toEqual([
      'spark_sessions',
    ]);
    rig.busy.work(100);
    await rig.live.caughtUp();
    const live = await rig.digest();
    await rebuild(rig.options({ names: ['all'] }));
    expect(await rig.digest()).toEqual(live);
    const mixed = await schemasOf();
    expect(Object.keys(mixed).filter((table) => mixed[table] === 'spark_blue')).toEqual(['spark_sessions']);
  });

  it.each([['spark_dead_letters'], ['rollups'], ['spark_images'], ['spark_commands'], ['spark_queue_depth']])(
    'given %s, then it is equal',
    async (name) => {
      rig.busy.work(60);
      rig.busy.poison();
      await projected();
      const before = await rig.digest();
      await rebuild(rig.options({ names: [name] }));
      expect(await rig.digest()).toEqual(before);
    },
  );

  it('given an unknown name, then it says which there are, and touches nothing', async () => {
    await expect(rebuild(rig.options({ names: ['spark_nothing'] }))).rejects.toMatchObject({
      code: 'unknown_read_model',
      message: expect.stringContaining('spark_sessions'),
    });
    expect(await readIdleTables(rig.db.admin)).toEqual([]);
  });
});

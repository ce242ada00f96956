import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readIdleTables } from '../../../src/projections/rebuild/idleTables.js';
import { rebuild } from '../../../src/projections/rebuild/rebuild.js';
import { rollBack } from '../../../src/projections/rebuild/rollback.js';
import { readTables } from '../../../src/projections/slots/readTables.js';
import { type RebuildRig, rebuildRig } from '../../support/rebuildRig.js';
import { STORY_BEGAN_MS } from '../../support/story.js';

let rig: RebuildRig;
beforeAll(async () => {
  rig = await rebuildRig(STORY_BEGAN_MS);
  rig.busy.work(600);
  await rig.live.projector.start();
  await rig.live.caughtUp();
});
afterAll(() => rig.stop());

const liveSchemas = async (): Promise<Set<string>> => {
  const tables = await readTables(rig.db.admin);
  return new Set(tables.names.map((table) => tables.schemaOf(table)));
};

/** A rebuild that is cut off when it has folded something. */
const cutOff = async (build?: string): Promise<void> => {
  const abort = new AbortController();
  const attempt = rebuild(
    rig.options({
      signal: abort.signal,
      ...(build === undefined ? {} : { build }),
      onBatch: () => abort.abort(),
    }),
  );
  await expect(attempt).rejects.toMatchObject({ name: 'AbortError' });
};

describe('a rebuild that is cut off', () => {
  it('leaves readers what they had; run again by the same build it goes on, by another one or when told it begins anew', async () => {
    const before = await rig.digest();
    await cutOff('1');
    expect(await rig.digest()).toEqual(before);
    expect(await liveSchemas()).toEqual(new Set(['spark_blue']));
    const idle = await readIdleTables(rig.db.admin);
    expect(new Set(idle.map(({ role }) => role))).toEqual(new Set(['building']));

    await cutOff('2');
    expect((await readIdleTables(rig.db.admin)).every(({ build }) => build === '2')).toBe(true);
    rig.busy.work(50);
    await rig.live.caughtUp();
    const live = await rig.digest();
    const result = await rebuild(rig.options({ build: '2' }));
    expect(result.resumed).toBe(true);
    expect(await rig.digest()).toEqual(live);
    expect(await liveSchemas()).toEqual(new Set(['spark_green']));

    await cutOff('2');
    const anew = await rebuild(rig.options({ build: '2', anew: true }));
    expect(anew.resumed).toBe(false);
    expect(anew.events).toBeGreaterThan(1_000);
    expect(anew.events).toBeGreaterThan(result.events);
    expect(await rig.digest()).toEqual(live);
    expect(rig.live.errors).toEqual([]);
  });
});

describe('two rebuilds at once', () => {
  it('given one at work, then the other is refused and told who it is', async () => {
    const pool = rig.db.pool('spark_projector');
    let second: Promise<unknown> | undefined;
    await rebuild(
      rig.options({
        onBatch: () => {
          second ??= expect(rebuild({ ...rig.options(), pool })).rejects.toMatchObject({
            code: 'rebuild_running',
            message: expect.stringMatching(/at work: spark-rebuild test, since \d{4}-/),
          });
        },
        pool: rig.rebuildPool('spark-rebuild test'),
      }),
    );
    expect(second).toBeDefined();
    await second;
  });
});

describe('going back', () => {
  it('given a rebuild and more events since, then what was shown before is live again, caught up, and back again', async () => {
    await rebuild(rig.options());
    const [then] = await liveSchemas();
    rig.busy.work(80);
    await rig.live.caughtUp();
    const live = await rig.digest();
    for (const turn of [1, 2]) {
      const back = await rollBack(rig.options());
      expect(await rig.digest(), `turn ${turn}`).toEqual(live);
      const [now] = await liveSchemas();
      expect(now === then).toBe(turn === 2);
      expect(back.flipped.length).toBe(live.length);
    }
    rig.busy.work(10);
    await rig.live.caughtUp();
    const later = await rig.digest();
    await rollBack(rig.options({ names: ['spark_sessions'] }));
    expect(await rig.digest()).toEqual(later);
    expect((await liveSchemas()).size).toBe(2);
  });

  it('given that a later rebuild used the place, then it says that there is nothing to go back to', async () => {
    await cutOff();
    await expect(rollBack(rig.options())).rejects.toMatchObject({ code: 'nothing_to_roll_back' });
    await rebuild(rig.options({ names: ['spark_usage'] }));
    await expect(rollBack(rig.options({ names: ['spark_sessions'] }))).rejects.toMatchObject({
      code: 'nothing_to_roll_back',
      message: expect.stringContaining('There is for spark_usage'),
    });
    const live = await rig.digest();
    await rollBack(rig.options({ names: ['all'] }));
    expect(await rig.digest()).toEqual(live);
  });
});

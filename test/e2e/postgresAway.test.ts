import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { effectsOn } from './support/history.js';
import { expectEachOnce, Load } from './support/load.js';
import { freeze } from './support/processes.js';

const AWAY_MS = 30_000;

describe('Postgres away', () => {
  const home = newHome();
  let spark: Spark;
  let thaw: (() => void)[] = [];

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    for (const wake of thaw) wake();
    await spark.stop();
    removeHome(home);
  });

  it('given primary and standby frozen for 30 s, commands go on being executed, HTTP never says 5xx for them, and the read models catch up', async () => {
    const load = await Load.start(spark.endpoints, { tag: 'frozen', sessions: 3, everyMs: 300 });
    await load.grows(6);
    const { pids } = spark.readEndpoints();
    const frozenAtMs = performance.now();
    thaw = [freeze(pids.postgres), freeze(pids.replica)];
    const before = (await spark.effects()).length;

    const posted = await spark.http('/v1/commands', {
      body: {
        type: 'unity.generate_script',
        sessionId: 'while-away',
        payload: { name: 'WhileAway', path: 'Assets/WhileAway.cs', code: 'class WhileAway {}' },
      },
    });
    expect(posted.status).toBe(202);
    await eventually(async () => expect(await effectsOn(spark, 'Assets/WhileAway.cs')).toHaveLength(1));
    await load.grows(60);
    await eventually(async () =>
      expect((await spark.effects()).length, 'effects while Postgres is away').toBeGreaterThan(before + 60),
    );

    const status = await spark.http(`/v1/commands/${String(posted.body['commandId'])}`);
    expect(status.status).toBe(200);
    expect(status.body['state']).toBe('completed');
    const ready = await spark.http('/readyz');
    expect([ready.status, JSON.stringify(ready.body)]).toEqual([200, expect.stringContaining('degraded')]);

    const left = AWAY_MS - (performance.now() - frozenAtMs);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, left)));
    const acked = await load.stop();
    expect(spark.readEndpoints().pids, 'nobody was restarted meanwhile').toEqual(pids);
    for (const wake of thaw) wake();
    const thawedAtMs = performance.now();
    await expectEachOnce(spark, acked);
    console.log(`read models caught up ${Math.round(performance.now() - thawedAtMs)} ms after the thaw`);
    const row = await spark.command(String(posted.body['commandId']));
    expect(row['state']).toBe('completed');
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestCluster, type TestCluster } from '../support/natsCluster.js';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { expectEachOnce, Load } from './support/load.js';

/** The promise is 10 s; what is asserted leaves room for a machine that is busy with something else. */
const GAP_LIMIT_MS = 30_000;

/** The longest time without a new effect in an editor, from now on. */
function watchGap(spark: Spark): { stop(): Promise<number> } {
  let running = true;
  let longestMs = 0;
  const watching = (async () => {
    let count = (await spark.effects()).length;
    let sinceMs = performance.now();
    while (running) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const now = (await spark.effects()).length;
      longestMs = Math.max(longestMs, performance.now() - sinceMs);
      if (now === count) continue;
      count = now;
      sinceMs = performance.now();
    }
  })();
  return {
    stop: async () => {
      running = false;
      await watching;
      return longestMs;
    },
  };
}

describe('SPARK on a NATS cluster of three, each stream in three copies', () => {
  const home = newHome();
  let cluster: TestCluster;
  let spark: Spark;
  let load: Load | undefined;

  beforeAll(async () => {
    cluster = await startTestCluster();
    spark = await Spark.start({ home, env: cluster.env });
    await eventually(async () => expect(await cluster.inSync()).toBe(true), { timeoutMs: 60_000 });
  });
  afterAll(async () => {
    await load?.stop();
    await spark.stop();
    await cluster.stop();
    removeHome(home);
  });

  const isReady = () => eventually(async () => expect((await spark.http('/readyz')).status).toBe(200));

  it('executes a command, and undoes it', async () => {
    const script = { name: 'Hero', path: 'Assets/Hero.cs', code: 'class Hero { }' };
    const made = await spark.submitAndWait({
      type: 'unity.generate_script',
      sessionId: 'main-job',
      payload: script,
    });
    expect([made.status, made.body['status']]).toEqual([200, 'completed']);
    expect(spark.file('Assets/Hero.cs')?.toString()).toBe(script.code);
    const undone = await spark.submitAndWait({ type: 'session.undo', sessionId: 'main-job', payload: {} });
    expect([undone.status, undone.body['status']]).toEqual([200, 'completed']);
    expect(spark.file('Assets/Hero.cs')).toBeUndefined();
  });

  it.each([
    ['of the commands', () => cluster.leaderOf('SPARK_COMMANDS')],
    ['of the log', () => cluster.leaderOf('SPARK_LOG')],
    ['of the cluster itself', () => cluster.metaLeader()],
  ] as const)(
    'given the leader %s killed under load, no acked command is lost, each is done once, in order, and work goes on; the server comes back and catches up',
    async (what, leader) => {
      const running = await Load.start(spark.endpoints, {
        tag: `kill-${what.replaceAll(' ', '-')}`,
        sessions: 3,
        everyMs: 200,
      });
      load = running;
      await running.grows(9);
      const victim = await eventually(async () => {
        const name = await leader();
        if (name === undefined) throw new Error('no leader yet');
        return name;
      });
      const gap = watchGap(spark);
      await cluster.node(victim).kill();
      await running.grows(15);
      const acked = [...(await running.stop())];
      load = undefined;
      await expectEachOnce(spark, acked);
      const gapMs = await gap.stop();
      console.log(`leader ${what} (${victim}) killed: no effect for ${Math.round(gapMs)} ms at most`);
      expect(gapMs).toBeLessThan(GAP_LIMIT_MS);
      await cluster.node(victim).start();
      await eventually(async () => expect(await cluster.inSync()).toBe(true), { timeoutMs: 60_000 });
      await isReady();
    },
  );

  it('given one server stays down, even that of the telemetry, SPARK starts again without it, works, and is ready', async () => {
    const victim = (await cluster.leaderOf('SPARK_TELEMETRY')) ?? 'nats-1';
    await cluster.node(victim).kill();
    await spark.kill9();
    spark = await Spark.start({ home, env: cluster.env });
    await isReady();
    const running = await Load.start(spark.endpoints, { tag: 'two-of-three', sessions: 3, everyMs: 100 });
    load = running;
    await running.grows(30);
    const acked = await running.stop();
    load = undefined;
    await expectEachOnce(spark, acked);
    await cluster.node(victim).start();
    await eventually(async () => expect(await cluster.inSync()).toBe(true), { timeoutMs: 60_000 });
  });
});

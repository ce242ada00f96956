import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { expectEachOnce, Load } from './support/load.js';

const CAUGHT_UP_MS = 25_000;

type Daemon = 'nats' | 'postgres' | 'replica';

describe('kill -9 under light load', () => {
  const home = newHome();
  let spark: Spark;
  let load: Load | undefined;

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    await load?.stop();
    await spark.stop();
    removeHome(home);
  });

  /** Kills one daemon and waits until the file names its successor. */
  async function killDaemon(name: Daemon): Promise<void> {
    const before = spark.readEndpoints().pids[name];
    process.kill(before, 'SIGKILL');
    await eventually(
      () => {
        const now = spark.readEndpoints().pids[name];
        expect(now).toBeGreaterThan(0);
        expect(now).not.toBe(before);
      },
      { timeoutMs: 60_000 },
    );
  }

  /** Every delivery is acknowledged and nothing lies aside: a command that is done is done for the stream too. */
  async function nothingLeft(): Promise<void> {
    await eventually(async () => {
      const metrics = String((await spark.http('/metrics')).body);
      const level = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(metrics)?.[1]);
      expect([level('spark_commands_in_flight'), level('spark_backlog_commands')]).toEqual([0, 0]);
    });
  }

  /** By the server's own monitoring: which streams it has. */
  async function streamNames(): Promise<string[]> {
    const { http } = JSON.parse(readFileSync(join(home, 'nats', 'nats.conf'), 'utf8')) as { http: string };
    const answer = await fetch(`http://${http}/jsz?accounts=true&streams=true`);
    const { account_details } = (await answer.json()) as {
      account_details: { stream_detail: { name: string }[] }[];
    };
    return account_details.flatMap(({ stream_detail }) => stream_detail.map(({ name }) => name));
  }

  it('given nats-server, primary and standby each killed once, every acked command is done once, in order, and the standby streams', async () => {
    load = await Load.start(spark.endpoints, { tag: 'daemons', sessions: 3, everyMs: 400 });
    await load.grows(9);
    for (const daemon of ['nats', 'postgres', 'replica'] as const) {
      await killDaemon(daemon);
      await load.grows(9);
    }
    const acked = await load.stop();
    load = undefined;
    await expectEachOnce(spark, acked);
    await nothingLeft();
    expect(await spark.sql('SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: true }]);
    await eventually(
      async () => expect(await spark.sql('SELECT pid FROM pg_stat_wal_receiver')).toHaveLength(1),
      { timeoutMs: 60_000 },
    );
  });

  it('given the whole process killed in mid-load and started again, the same holds', async () => {
    const running = await Load.start(spark.endpoints, { tag: 'whole', sessions: 3, everyMs: 300 });
    load = running;
    await running.grows(9);
    await spark.kill9();
    spark = await Spark.start({ home });
    await running.grows(9);
    const acked = await running.stop();
    load = undefined;
    await expectEachOnce(spark, acked);
    await nothingLeft();
  });

  it('given nats-server killed three times in a row, nothing acked is lost and each session keeps its order', async () => {
    const running = await Load.start(spark.endpoints, { tag: 'thrice', sessions: 3, everyMs: 50 });
    load = running;
    for (let round = 0; round < 3; round++) {
      await running.grows(15);
      await killDaemon('nats');
    }
    await running.grows(15);
    const acked = await running.stop();
    load = undefined;
    expect(running.repeats, 'the kill was felt').toBeGreaterThan(0);
    // The readers of the log are back soon too, however badly the kills fell for them.
    await expectEachOnce(spark, acked, CAUGHT_UP_MS);
    await nothingLeft();
  });

  it('given nats-server killed, the telemetry stream, which lay in its memory, is there again', async () => {
    expect(await streamNames()).toContain('SPARK_TELEMETRY');
    await killDaemon('nats');
    await eventually(async () => expect(await streamNames()).toContain('SPARK_TELEMETRY'));
  });

  it('given the whole process killed while commands of an editor that is away are put aside, each is done once, in order, and nothing stays behind', async () => {
    await spark.stop();
    const env = { MCP_PARK_AFTER_MS: '100', MCP_MAX_INFLIGHT: '64' };
    spark = await Spark.start({ home, env });
    const running = await Load.start(spark.endpoints, { tag: 'parked', sessions: 6, everyMs: 10 });
    load = running;
    for (let round = 0; round < 3; round++) {
      await spark.sim('reload', { editor: 'default', ms: 120_000 });
      await running.grows(100 + 37 * round);
      await spark.kill9();
      spark = await Spark.start({ home, env });
    }
    const acked = await running.stop();
    load = undefined;
    await expectEachOnce(spark, acked);
    await nothingLeft();
  });
});

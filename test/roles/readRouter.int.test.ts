import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../../chaos/proxy/tcpProxy.js';
import { systemClock } from '../../src/core/clock.js';
import { createMetrics, type Metrics } from '../../src/observability/metrics.js';
import { createPools, type PostgresPools } from '../../src/postgres/pools.js';
import { writeHeartbeat } from '../../src/projections/heartbeat.js';
import { observePostgres } from '../../src/roles/observePostgres.js';
import { ReadRouter } from '../../src/roles/readRouter.js';
import { ServerWatch } from '../../src/roles/serverWatch.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { runSql, startTestCluster } from '../support/postgresCluster.js';

/** What a test waits for has happened long before, on any machine: only a hang comes so far. */
const HANG_MS = 30_000;
const never = new AbortController().signal;

describe('reads from two servers', () => {
  // Its own, for its standby stands still at times.
  let servers: Awaited<ReturnType<typeof startTestCluster>>;
  let db: TestDatabase;
  let wires: { primary: TcpProxy; replica: TcpProxy };
  let pools: PostgresPools;
  let watch: ServerWatch;
  let router: ReadRouter;
  let metrics: Metrics;
  let told: string[];
  let logEnd: number;

  const logger = { warn: (_: object, text: string) => told.push(text), info: () => undefined };
  const through = async (url: string): Promise<{ wire: TcpProxy; url: string }> => {
    const direct = new URL(url);
    const wire = await startTcpProxy(Number(direct.port));
    direct.port = String(wire.port);
    return { wire, url: direct.href };
  };

  const start = async (maxLagMs = 10_000): Promise<void> => {
    const [primary, replica] = await Promise.all([
      through(db.urlFor('spark_ingest')),
      through(db.urlFor('spark_ingest', 'replica')),
    ]);
    wires = { primary: primary.wire, replica: replica.wire };
    pools = createPools({
      ...{ primaryUrl: primary.url, replicaUrl: replica.url, applicationName: 'test' },
      ...{ connectTimeoutMs: 1_000, answerTimeoutMs: 3_000 },
    });
    metrics = createMetrics();
    watch = new ServerWatch({ pools, clock: systemClock, logger, logEndSeq: () => logEnd, maxLagMs });
    router = new ReadRouter({ pools, clock: systemClock, watch, metrics });
    observePostgres(metrics, pools, watch, systemClock);
    await watch.start();
    await expect
      .poll(() => watch.sample('replica') && watch.sample('primary'), { timeout: HANG_MS })
      .toBeDefined();
  };

  beforeAll(async () => {
    servers = await startTestCluster();
  });

  afterAll(() => servers.stop());

  beforeEach(async () => {
    told = [];
    logEnd = 0;
    db = await createTestDatabase({ cluster: servers.cluster });
    await applied(0);
  });

  afterEach(async () => {
    for (const wire of Object.values(wires)) wire.heal();
    await watch.stop();
    await pools.end();
    await Promise.all(Object.values(wires).map((wire) => wire.close()));
    await db.drop();
  });

  /** The log is projected up to here, and ends here as far as this process knows. */
  async function applied(seq: number): Promise<void> {
    await db.admin.query(
      `INSERT INTO spark.checkpoints (name, last_seq, last_ts, stream_created) VALUES ('log', $1, now(), 'a day')
       ON CONFLICT (name) DO UPDATE SET last_seq = excluded.last_seq, last_ts = excluded.last_ts`,
      [seq],
    );
    logEnd = Math.max(logEnd, seq);
  }

  const readOnce = (afterSeq = 0) =>
    router.read(async (pool) => (await pool.query('SELECT pg_is_in_recovery() AS standby')).rows, afterSeq);
  /** How often each server is asked for rows meanwhile. The samples of the watch, which are prepared, are no reads. */
  const askedDuring = async (work: () => Promise<unknown>) => {
    const spies = { primary: vi.spyOn(pools.primary, 'query'), replica: vi.spyOn(pools.replica, 'query') };
    await work();
    const reads = ({ mock }: (typeof spies)['primary']) =>
      mock.calls.filter(([query]) => typeof query === 'string').length;
    const asked = { primary: reads(spies.primary), replica: reads(spies.replica) };
    for (const spy of Object.values(spies)) spy.mockRestore();
    return asked;
  };
  const gauge = async (name: string): Promise<string | undefined> =>
    (await metrics.text())
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.split(' ')
      .at(-1);
  const noticed = (server: 'primary' | 'replica') =>
    expect.poll(() => watch.isUp(server), { timeout: HANG_MS }).toBe(false);
  const hang = (server: 'primary' | 'replica') => wires[server].hurt({ kind: 'black_hole' });

  it('given all is well, then the replica answers, and says what its answer contains', async () => {
    await start();
    await applied(2_048);
    await expect.poll(async () => (await readOnce()).appliedSeq).toBe(2_048);
    expect(await readOnce()).toEqual({
      data: [{ standby: true }],
      ...{ source: 'replica', appliedSeq: 2_048, lagMs: 0 },
    });
    expect(await gauge('spark_postgres_up{server="replica"}')).toBe('1');
    expect(await gauge('spark_replica_streaming')).toBe('1');
    await expect.poll(() => gauge('spark_replica_lag_seconds ')).toBe('0');
  });

  it('given a log that goes on while nothing is projected, then the answer says for how long it lacks something', async () => {
    await start();
    await applied(2_048);
    await expect.poll(async () => (await readOnce()).appliedSeq).toBe(2_048);
    logEnd = 4_096;
    await expect.poll(async () => (await readOnce()).lagMs).toBeGreaterThan(50);
    expect((await readOnce()).appliedSeq).toBe(2_048);
  });

  it('given a frozen replica (connections are taken, nothing is answered), then the first reads wait a bounded time and the next ones not at all', async () => {
    await start();
    hang('replica');
    const first = await Promise.all(Array.from({ length: 20 }, () => readOnce()));
    expect(first.map(({ source }) => source)).toEqual(Array.from({ length: 20 }, () => 'primary'));
    await noticed('replica');
    const asked = await askedDuring(async () =>
      expect(await readOnce()).toMatchObject({ source: 'primary', data: [{ standby: false }] }),
    );
    expect(asked.replica, 'nobody waits for it').toBe(0);
    expect(told).toContain('the replica does not answer: reads go to the primary');
    expect(await gauge('spark_postgres_up{server="replica"}')).toBe('0');
    expect(await gauge('spark_replica_streaming')).toBe('0');
    expect(await gauge('spark_replica_lag_seconds ')).toBeUndefined();
    expect(await gauge('spark_replica_lag_bytes ')).toBeUndefined();
    expect(await gauge('spark_replica_freshness_seconds ')).toBeUndefined();
    expect(Number(await gauge('spark_reads_total{source="primary",because="away"}'))).toBeGreaterThan(0);
    wires.replica.heal();
    await expect.poll(async () => (await readOnce()).source, { timeout: HANG_MS }).toBe('replica');
  });

  it('given a replica that is gone, then no read fails and none waits', async () => {
    await start();
    await wires.replica.close();
    for (let n = 0; n < 50; n++) expect((await readOnce()).source).toBe('primary');
    await noticed('replica');
    expect(await askedDuring(() => readOnce())).toMatchObject({ replica: 0 });
  });

  it('given a frozen primary, then the replica goes on answering', async () => {
    await start();
    hang('primary');
    await noticed('primary');
    expect((await readOnce()).source).toBe('replica');
    expect(await gauge('spark_postgres_up{server="primary"}')).toBe('0');
    expect(await gauge('spark_replica_lag_bytes ')).toBeUndefined();
  });

  it('given both are away, then the refusal is typed and comes at once', async () => {
    await start();
    hang('primary');
    hang('replica');
    await expect(readOnce()).rejects.toMatchObject({ code: 'read_models_unavailable' });
    await expect.poll(() => watch.state('primary'), { timeout: HANG_MS }).toBe('away');
    await expect.poll(() => watch.state('replica'), { timeout: HANG_MS }).toBe('away');
    const asked = await askedDuring(async () => {
      await expect(readOnce()).rejects.toMatchObject({ code: 'read_models_unavailable' });
      expect((await router.waitForSeq(1, 5_000, never)).reached).toBe(false);
    });
    expect(asked, 'at once: there is nobody to wait for').toEqual({ primary: 0, replica: 0 });
    expect(Number(await gauge('spark_reads_total{source="none",because="away"}'))).toBeGreaterThan(0);
  });

  it('given a replica further behind than the limit, then the primary answers until it has caught up to half of it', async () => {
    await start(600);
    await applied(1_024);
    await expect.poll(async () => (await readOnce()).appliedSeq).toBe(1_024);
    await paused(async () => {
      await applied(2_048);
      await expect.poll(async () => (await readOnce()).source, { timeout: HANG_MS }).toBe('primary');
      expect((await readOnce()).appliedSeq).toBe(2_048);
      await expect.poll(async () => Number(await gauge('spark_replica_lag_seconds '))).toBeGreaterThan(0.6);
      expect(Number(await gauge('spark_replica_lag_bytes '))).toBeGreaterThan(0);
      hang('primary');
      await noticed('primary');
      expect(await readOnce(), 'stale beats nothing').toMatchObject({ source: 'replica', appliedSeq: 1_024 });
      wires.primary.heal();
    });
    await expect.poll(async () => (await readOnce()).source, { timeout: HANG_MS }).toBe('replica');
  });

  it('given a place to read after, then whoever has come so far answers, and else it is refused as behind', async () => {
    await start();
    await applied(1_024);
    expect(await router.waitForSeq(1_024, 5_000, never)).toEqual({ reached: true, source: 'replica' });
    expect((await readOnce(1_024)).source).toBe('replica');
    await paused(async () => {
      await applied(2_048);
      expect(await router.waitForSeq(2_048, 100, never)).toEqual({ reached: true, source: 'primary' });
      expect(await readOnce(2_048)).toMatchObject({ source: 'primary', appliedSeq: 2_048 });
      await expect(readOnce(9_999)).rejects.toMatchObject({
        code: 'read_models_behind',
        fields: { afterSeq: 9_999, appliedSeq: 1_024 },
      });
    });
  });

  it('given an idle system, then the heartbeat keeps telling that nothing is missing, and its end that nobody knows any more', async () => {
    await start();
    await applied(1_024);
    await writeHeartbeat(db.admin, systemClock.nowMs(), 1_024);
    await expect.poll(() => gauge('spark_replica_freshness_seconds ')).toBeDefined();
    expect(Number(await gauge('spark_replica_freshness_seconds '))).toBeLessThan(60);
    await db.admin.query(`UPDATE spark.heartbeats SET asked_at = asked_at - interval '1 hour'`);
    await db.admin.query(`UPDATE spark.checkpoints SET last_ts = last_ts - interval '2 hours'`);
    await expect
      .poll(async () => Number(await gauge('spark_replica_freshness_seconds ')), { timeout: HANG_MS })
      .toBeGreaterThan(3_500);
  });

  /** While the standby's replay stands still. */
  async function paused(work: () => Promise<void>): Promise<void> {
    const replica = new URL(db.adminUrl);
    replica.port = new URL(db.urlFor('spark_ingest', 'replica')).port;
    await runSql(replica.href, 'SELECT pg_wal_replay_pause()');
    try {
      await work();
    } finally {
      await runSql(replica.href, 'SELECT pg_wal_replay_resume()');
    }
  }
});

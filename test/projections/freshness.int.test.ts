import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { createHeartbeat, writeHeartbeat } from '../../src/projections/heartbeat.js';
import { endOfMessage } from '../../src/projections/logPosition.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { runSql } from '../support/postgresCluster.js';
import { projectorRig, type Rig } from '../support/projectorRig.js';
import { command, completed, started } from '../support/story.js';

interface FreshnessRow {
  readonly projection: string;
  readonly applied_seq: string;
  readonly last_event_ts: Date | null;
  readonly log_seq: string | null;
  readonly complete_until: Date | null;
  readonly age_seconds: string | null;
  readonly server: string;
  readonly replay: string;
  readonly replay_lag_bytes: string | null;
}

let db: TestDatabase;
let rig: Rig;
/** One a server: the role may have few connections, and each pool has some. */
let dashboards: Readonly<Record<'primary' | 'replica', pg.Pool>>;

beforeAll(async () => {
  db = await createTestDatabase();
  dashboards = {
    primary: db.pool('spark_dashboard_ro', 'primary'),
    replica: db.pool('spark_dashboard_ro', 'replica'),
  };
  rig = projectorRig(db.pool('spark_projector'));
  await rig.projector.start();
});

afterAll(async () => {
  await rig.projector.stop();
  await db.drop();
});

const seqNow = (): number => endOfMessage(rig.log.stream.lastSeq);

async function project(tsMs: number): Promise<number> {
  const story = command();
  rig.log.append([started(story)], tsMs);
  rig.log.append([completed(story)], tsMs);
  await rig.caughtUp();
  return seqNow();
}

/** As the dashboards' own role, through its search path. */
async function told(server: 'primary' | 'replica'): Promise<FreshnessRow> {
  const { rows } = await dashboards[server].query<FreshnessRow>('SELECT * FROM spark_freshness');
  expect(rows).toHaveLength(1);
  return rows[0] as FreshnessRow;
}

async function onStandby(sql: string): Promise<void> {
  const url = new URL(db.adminUrl);
  url.port = new URL(db.urlFor('spark_ingest', 'replica')).port;
  await runSql(url.href, sql);
}

describe('spark_freshness', () => {
  it('given nothing was ever projected, then there is one row that promises nothing', async () => {
    const empty = await createTestDatabase();
    const { rows } = await empty.pool('spark_dashboard_ro').query('SELECT * FROM spark_freshness');
    expect(rows).toEqual([
      {
        ...{ projection: 'log', applied_seq: '0', last_event_ts: null, log_seq: null, complete_until: null },
        ...{ age_seconds: null, server: 'primary', replay: 'primary', replay_lag_bytes: null },
      },
    ]);
    await empty.drop();
  });

  it('given an hour without events, then the heartbeat tells that nothing is missing, on primary and standby alike', async () => {
    const hourAgoMs = systemClock.nowMs() - 3_600_000;
    const seq = await project(hourAgoMs);
    const heartbeat = createHeartbeat({
      ...{ pool: db.pool('spark_projector'), clock: systemClock },
      logEnd: async () => ({ streamSeq: rig.log.stream.lastSeq }),
      onError: (error) => {
        throw error;
      },
    });
    await heartbeat.start();
    await heartbeat.start();
    await expect.poll(async () => (await told('replica')).log_seq).toBe(String(seq));
    expect(Number((await told('replica')).age_seconds)).toBeLessThan(60);
    for (const server of ['primary', 'replica'] as const) {
      const row = await told(server);
      expect(row).toMatchObject({ projection: 'log', applied_seq: String(seq), log_seq: String(seq) });
      expect(row.last_event_ts?.getTime()).toBe(hourAgoMs);
    }
    expect((await told('replica')).server).toBe('standby');
    expect((await told('replica')).replay).toBe('streaming');
    expect((await told('primary')).replay).toBe('primary');
    const first = (await told('primary')).complete_until?.getTime() ?? 0;
    await expect
      .poll(async () => (await told('primary')).complete_until?.getTime(), { timeout: 5_000 })
      .toBeGreaterThan(first);
    await Promise.all([heartbeat.stop(), heartbeat.stop()]);
  });

  it('given a log that has gone on while nothing is projected, then the age is that of the newest row, and grows', async () => {
    const tsMs = systemClock.nowMs() - 60_000;
    await project(tsMs);
    await writeHeartbeat(db.pool('spark_projector'), systemClock.nowMs(), seqNow() + 1_024);
    const row = await told('primary');
    expect(row.complete_until?.getTime()).toBe(tsMs);
    expect(Number(row.age_seconds)).toBeGreaterThanOrEqual(60);
    await expect
      .poll(async () => Number((await told('primary')).age_seconds))
      .toBeGreaterThan(Number(row.age_seconds));
  });

  it('given replay that is paused, then it says so, and how much lies unreplayed', async () => {
    await onStandby('SELECT pg_wal_replay_pause()');
    try {
      await expect.poll(async () => (await told('replica')).replay).toBe('paused');
      await project(systemClock.nowMs());
      await expect.poll(async () => Number((await told('replica')).replay_lag_bytes)).toBeGreaterThan(0);
    } finally {
      await onStandby('SELECT pg_wal_replay_resume()');
    }
    await expect.poll(async () => (await told('replica')).replay).toBe('streaming');
  });
});

describe('wait_for_seq', () => {
  const ask = async (seq: number, timeoutMs: number, server: 'primary' | 'replica' = 'replica') => {
    const { rows } = await dashboards[server].query<{ reached: boolean }>(
      'SELECT wait_for_seq($1, $2) AS reached',
      [seq, timeoutMs],
    );
    return rows[0]?.reached;
  };

  it('given a place that is still to come, then it waits for it, and the next statement shows it', async () => {
    const story = command();
    const seq = endOfMessage(rig.log.stream.lastSeq + 1);
    const waiting = ask(seq, 9_000);
    rig.log.append([started(story)], systemClock.nowMs());
    expect(await waiting).toBe(true);
    const { rowCount } = await dashboards.replica.query('SELECT FROM spark_commands WHERE command_id = $1', [
      story.commandId,
    ]);
    expect(rowCount).toBe(1);
  });

  it('given a place that does not come, then it says so after its time, and not before', async () => {
    const beganMs = performance.now();
    expect(await ask(seqNow() + 1_000_000, 300)).toBe(false);
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(300);
    expect(await ask(seqNow() + 1_000_000, -5, 'primary')).toBe(false);
  });
});

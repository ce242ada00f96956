import type { Socket } from 'node:net';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { createPool } from '../../../src/postgres/pools.js';
import { digestReadModels } from '../../../src/projections/digest.js';
import { rebuild } from '../../../src/projections/rebuild/rebuild.js';
import { listPartitions } from '../../../src/projections/retention/partitionCut.js';
import { type RetentionReport, runRetention } from '../../../src/projections/retention/run.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { DAY_MS, NO_LIMITS, type RetentionRig, retentionRig } from '../../support/retentionRig.js';
import { STORY_BEGAN_MS } from '../../support/story.js';

vi.setConfig({ testTimeout: 240_000 });

let db: TestDatabase;
let rig: RetentionRig;

beforeAll(async () => {
  db = await createTestDatabase();
  rig = retentionRig(db);
  await rig.projector.start();
  for (let day = 0; day < 4; day++) for (let i = 0; i < 60; i++) rig.change('s', day);
  rig.change('s', 30);
  await rig.caughtUp();
});

afterAll(async () => {
  await rig.projector.stop();
  await rig.owner.end();
  await db.drop();
});

/** As the server sees a kill -9: after so many statements every connection is gone at once, whatever was under way. */
function mortal(statements: number): { pools: { pool: pg.Pool; owner: pg.Pool }; died: () => boolean } {
  const sockets: Socket[] = [];
  let left = statements;
  const open = (url: string): pg.Pool => {
    const pool = createPool({ url, applicationName: 'test-mortal', statementTimeoutMs: 0 });
    pool.on('connect', (client) => {
      sockets.push((client as unknown as { connection: { stream: Socket } }).connection.stream);
      const query = client.query.bind(client) as (...args: unknown[]) => unknown;
      Object.assign(client, {
        query: (...args: unknown[]) => {
          const answer = query(...args);
          if (left-- === 0) setImmediate(() => sockets.map((socket) => socket.destroy()));
          return answer;
        },
      });
    });
    return pool;
  };
  return {
    pools: { pool: open(db.urlFor('spark_projector')), owner: open(db.adminUrl) },
    died: () => left < 0,
  };
}

/** Runs until it dies or is done; answers which. */
async function runMortal(statements: number): Promise<boolean> {
  const { pools, died } = mortal(statements);
  let report: RetentionReport | undefined;
  try {
    report = await runRetention({
      ...pools,
      ...{ limits: { ...NO_LIMITS, detailDays: 10 }, sliceRows: 50, signal: new AbortController().signal },
      replica: db.pool('spark_ingest', 'replica'),
      clock: { ...systemClock, nowMs: () => STORY_BEGAN_MS + 40 * DAY_MS },
      logEnd: () => rig.log.lastStreamSeq(),
    });
  } catch (error) {
    if (!died()) throw error;
  } finally {
    await Promise.all([pools.pool.end(), pools.owner.end()]);
  }
  // The server has not seen yet that the one before is dead, and keeps its place.
  return died() || (report === undefined && (await runMortal(statements)));
}

describe('retention that is killed', () => {
  it('given a kill at one statement after the other, then the next run goes on, and in the end the same rows are gone as in a rebuild', async () => {
    let deaths = 0;
    for (let statements = 3; await runMortal(statements); statements += 5) deaths++;
    expect(deaths).toBeGreaterThan(8);
    const left = (await listPartitions(db.admin)).filter((part) =>
      part.name.startsWith('spark_events_202603'),
    );
    expect(left.map((part) => part.state)).toEqual(left.map(() => 'attached'));
    expect(left.some((part) => part.name < 'spark_events_20260330')).toBe(false);
    const { rows } = await db.admin.query('SELECT count(*)::int AS n FROM spark.spark_operations');
    expect(rows).toEqual([{ n: 50 }]);

    const live = await digestReadModels(db.pool('spark_projector'));
    await rig.projector.stop();
    await rebuild({
      ...{
        pool: db.pool('spark_projector'),
        logSource: rig.log,
        imageSource: rig.images,
        clock: systemClock,
      },
      ...{ signal: new AbortController().signal, settleMs: 0 },
    });
    expect(await digestReadModels(db.pool('spark_projector'))).toEqual(live);
  });

  it('given two processes at it, then one works and the other leaves it to it', async () => {
    const holder = await db.pool('spark_projector').connect();
    await holder.query(`SELECT pg_advisory_lock(hashtextextended('spark.projector:retention', 0))`);
    await expect(rig.retain({ detailDays: 1 }, 50)).rejects.toThrow('another run is at it');
    await holder.query('SELECT pg_advisory_unlock_all()');
    holder.release();
    expect((await rig.retain({ detailDays: 1 }, 50)).rows).toMatchObject({ command_states: 1 });
  });
});

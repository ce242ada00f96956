import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPool } from '../../src/postgres/pools.js';
import { commandById } from '../../src/projections/commands/queries.js';
import { digestReadModels } from '../../src/projections/digest.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { runSql } from '../support/postgresCluster.js';
import { projectorRig, type Rig } from '../support/projectorRig.js';
import { sessionRow } from '../support/rows.js';
import {
  type CommandStory,
  command,
  completed,
  envelopeOf,
  failed,
  operationOf,
  type SparkEvent,
  started,
} from '../support/story.js';

const databases: TestDatabase[] = [];
const rigs: Rig[] = [];
let db: TestDatabase;

beforeEach(async () => {
  db = await createTestDatabase();
  databases.push(db);
});

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.projector.stop();
});

afterAll(async () => {
  for (const each of databases) await each.drop();
});

function newRig(...args: Parameters<typeof projectorRig>): Rig {
  const rig = projectorRig(...args);
  rigs.push(rig);
  return rig;
}

/** Start and end of n commands. */
function lives(n: number): SparkEvent[][] {
  return Array.from({ length: n }, () => command()).flatMap((story) => [
    [started(story)],
    [completed(story)],
  ]);
}

/** Events in any order a log could hold and some that it should not: ends without starts, second starts, ends after ends. */
function wildLog(n: number): SparkEvent[][] {
  const stories = Array.from({ length: 25 }, (_, i) =>
    command({ sessionId: `session-${i % 3}`, editor: `editor-${i % 4}` }),
  );
  const kinds: ((story: CommandStory) => SparkEvent)[] = [
    started,
    started,
    (story) => ({ ...started(story), envelope: { ...envelopeOf(story), idempotencyKey: null, priority: 9 } }),
    (story) => completed(story, { change: { direction: 'apply', operation: operationOf(story, 'a', 'b') } }),
    (story) => completed(story, { change: { direction: 'undo', operation: operationOf(story, 'a', 'b') } }),
    (story) => failed(story, 'conflict', { operationId: operationOf(story, 'a', 'b').operationId }),
    (story) => failed(story, 'cancelled', { durationMs: null }),
    (story) => failed(story, 'rejected', { durationMs: null, attempts: 0, envelope: envelopeOf(story) }),
  ];
  let state = 12_345;
  const next = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  return Array.from({ length: n }, () =>
    Array.from({ length: next(4) }, () => {
      const [story, kind] = [stories[next(stories.length)], kinds[next(kinds.length)]];
      if (story === undefined || kind === undefined) throw new RangeError('out of the dice');
      return kind(story);
    }),
  );
}

/** Ends every connection of the projector to this database: what it had under way rolls back. */
async function cutConnections(): Promise<void> {
  await runSql(
    onPostgres(db.adminUrl),
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${db.name}' AND usename = 'spark_projector'`,
  );
}

/** The same server's own database: whoever closes a database to connections must be in another one. */
function onPostgres(url: string): string {
  const changed = new URL(url);
  changed.pathname = '/postgres';
  return changed.href;
}

async function rowCounts(): Promise<unknown> {
  const { rows } = await db.admin.query(
    `SELECT (SELECT count(*)::int FROM spark.spark_events) AS events, (SELECT count(*)::int FROM spark.spark_commands) AS commands,
       (SELECT count(*)::int FROM spark.spark_function_calls) AS calls`,
  );
  return rows[0];
}

describe('connections cut at any moment', () => {
  it('given cuts between and inside batches, then each event counts once', async () => {
    const rig = newRig(db.pool('spark_projector'));
    await rig.projector.start();
    const messages = lives(150);
    for (const [i, events] of messages.entries()) {
      rig.log.append(events);
      if (i % 40 === 39) await cutConnections();
      else if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await rig.caughtUp();
    expect(rig.errors.length).toBeGreaterThan(0);
    expect(await rowCounts()).toEqual({ events: 300, commands: 150, calls: 150 });
    expect(await sessionRow(db.admin, 'session-1')).toMatchObject({
      events: 300,
      commands: 150,
      completed: 150,
      started: 0,
    });
  });

  it('given a crash after the commit and before anybody knew, then the next run begins after it', async () => {
    const rig = newRig(db.pool('spark_projector'));
    for (const events of lives(20)) rig.log.append(events);
    await rig.projector.start();
    await rig.caughtUp();
    await rig.projector.stop();
    const next = newRig(db.pool('spark_projector'), { log: rig.log });
    for (const events of lives(5)) rig.log.append(events);
    await next.projector.start();
    await next.caughtUp();
    expect(next.log.reads).toEqual([0, 40]);
    expect(await rowCounts()).toEqual({ events: 50, commands: 25, calls: 25 });
  });

  it('given a checkpoint that cannot be written for a while, then nothing of its batch is there, and each event counts once', async () => {
    const rig = newRig(db.pool('spark_projector'));
    for (const events of lives(5)) rig.log.append(events);
    await rig.projector.start();
    await rig.caughtUp();
    await db.admin.query(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;
       CREATE TRIGGER refuse BEFORE UPDATE ON spark.checkpoints FOR EACH ROW EXECUTE FUNCTION refuse()`,
    );
    for (const events of lives(5)) rig.log.append(events);
    await expect.poll(() => rig.errors.length, { timeout: 20_000 }).toBeGreaterThan(1);
    expect(await rowCounts()).toEqual({ events: 10, commands: 5, calls: 5 });
    await db.admin.query('DROP FUNCTION refuse() CASCADE');
    await rig.caughtUp();
    expect(await rowCounts()).toEqual({ events: 20, commands: 10, calls: 10 });
  });

  it('given a database that takes no connections for a while, then it goes on by itself and reads no further meanwhile', async () => {
    const rig = newRig(db.pool('spark_projector'));
    await rig.projector.start();
    await runSql(onPostgres(db.adminUrl), `ALTER DATABASE ${db.name} ALLOW_CONNECTIONS false`);
    try {
      await cutConnections();
      for (const events of lives(30)) rig.log.append(events);
      await expect.poll(() => rig.errors.length, { timeout: 20_000 }).toBeGreaterThan(2);
      expect(rig.projector.state).toBe('retrying');
    } finally {
      await runSql(onPostgres(db.adminUrl), `ALTER DATABASE ${db.name} ALLOW_CONNECTIONS true`);
    }
    await rig.caughtUp();
    expect(await rowCounts()).toEqual({ events: 60, commands: 30, calls: 30 });
  });
});

describe('two projectors', () => {
  it('given one at work, then the other waits and takes over when it stops', async () => {
    const first = newRig(db.pool('spark_projector'));
    const second = newRig(db.pool('spark_projector'), { log: first.log, images: first.images });
    await first.projector.start();
    await second.projector.start();
    expect([first.projector.state, second.projector.state]).toEqual(['working', 'waiting']);
    for (const events of lives(10)) first.log.append(events);
    await first.caughtUp();
    await first.projector.stop();
    for (const events of lives(10)) first.log.append(events);
    await second.caughtUp();
    expect(await rowCounts()).toEqual({ events: 40, commands: 20, calls: 20 });
  });

  it('given a checkpoint that somebody moved, then the batch is rolled back and work begins again from there', async () => {
    const rig = newRig(db.pool('spark_projector'));
    await rig.projector.start();
    for (const events of lives(3)) rig.log.append(events);
    await rig.caughtUp();
    // What a projector without the lock would do: project message 7 and 8 itself.
    const other = lives(1);
    await db.admin.query(`UPDATE spark.checkpoints SET last_seq = last_seq + 2 * 1024 WHERE name = 'log'`);
    for (const events of [...other, ...lives(1)]) rig.log.append(events);
    await rig.caughtUp();
    expect(rig.errors).toMatchObject([{ code: 'checkpoint_moved' }]);
    expect(await rowCounts()).toEqual({ events: 8, commands: 4, calls: 4 });
  });
});

describe('another log', () => {
  it('given a stream made anew, then it refuses to start and says what to do', async () => {
    const rig = newRig(db.pool('spark_projector'));
    rig.log.append([started(command())]);
    await rig.projector.start();
    await rig.caughtUp();
    await rig.projector.stop();
    rig.log.stream.createdAt = '2026-04-01T00:00:00.000Z';
    await expect(rig.projector.start()).rejects.toMatchObject({
      code: 'stream_changed',
      message: expect.stringContaining('spark rebuild'),
    });
  });

  it('given a log that lost its newest messages, then it refuses to start', async () => {
    const rig = newRig(db.pool('spark_projector'));
    for (const events of lives(3)) rig.log.append(events);
    await rig.projector.start();
    await rig.caughtUp();
    const shorter = newRig(db.pool('spark_projector'));
    shorter.log.stream.createdAt = rig.log.stream.createdAt;
    shorter.log.append([started(command())]);
    await rig.projector.stop();
    await expect(shorter.projector.start()).rejects.toMatchObject({ code: 'log_shorter_than_checkpoint' });
  });
});

describe('replaying', () => {
  it('given the same log, zombies and repeats in it, projected in batches of any size, then the read models are the same', async () => {
    const messages = wildLog(160);
    const digests: unknown[] = [];
    for (const pauseEvery of [1, 7, 1_000]) {
      const own = await createTestDatabase();
      databases.push(own);
      const rig = newRig(own.pool('spark_projector'));
      await rig.projector.start();
      for (const [i, events] of messages.entries()) {
        rig.log.append(events);
        if (i % pauseEvery === pauseEvery - 1) await rig.caughtUp();
      }
      await rig.caughtUp();
      digests.push(await digestReadModels(own.admin));
      await rig.projector.stop();
    }
    expect(digests[1]).toEqual(digests[0]);
    expect(digests[2]).toEqual(digests[0]);
  });

  it('given messages of past days, then their partitions are made, and three more ahead', async () => {
    const rig = newRig(db.pool('spark_projector'));
    const story = command();
    rig.log.append([started(story)], Date.UTC(2025, 11, 31, 23, 59, 59, 999));
    rig.log.append([completed(story)], Date.UTC(2026, 0, 1));
    await rig.projector.start();
    await rig.caughtUp();
    const { rows } = await db.admin.query<{ relname: string }>(
      `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = 'spark_blue.spark_events'::regclass AND c.relname < 'spark_events_2026011' ORDER BY 1`,
    );
    expect(rows.map((row) => row.relname.slice(-8))).toEqual([
      '20251231',
      '20260101',
      '20260102',
      '20260103',
      '20260104',
    ]);
    expect(await commandById(db.admin, story.commandId)).toMatchObject({ state: 'completed' });
  });
});

describe('starting and stopping', () => {
  it('given many starts and stops, then nothing is left behind and nothing counts twice', async () => {
    const pool = createPool({
      url: db.urlFor('spark_projector'),
      applicationName: 'stress',
      maxConnections: 4,
    });
    const rig = newRig(pool);
    for (let i = 0; i < 15; i++) {
      for (const events of lives(2)) rig.log.append(events);
      await Promise.all([rig.projector.start(), rig.projector.start()]);
      if (i % 3 === 0) await rig.caughtUp();
      await Promise.all([rig.projector.stop(), rig.projector.stop()]);
      expect(rig.projector.state).toBe('stopped');
    }
    await rig.projector.start();
    await rig.caughtUp();
    await rig.projector.stop();
    expect(await rowCounts()).toEqual({ events: 60, commands: 30, calls: 30 });
    expect(pool.totalCount - pool.idleCount).toBe(0);
    await pool.end();
  });

  it('given a server that does not answer, then start resolves, tells, and stop ends it', async () => {
    const pool = new pg.Pool({ host: '127.0.0.1', port: 1, connectionTimeoutMillis: 500 });
    const rig = newRig(pool);
    await rig.projector.start();
    expect(rig.projector.state).toBe('retrying');
    expect(rig.errors).toHaveLength(1);
    await rig.projector.stop();
    await pool.end();
  });
});

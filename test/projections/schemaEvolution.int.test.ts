import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { EVENT_VERSION } from '../../src/events/event.js';
import { digestReadModels } from '../../src/projections/digest.js';
import { endOfMessage } from '../../src/projections/logPosition.js';
import type { LogSource } from '../../src/projections/ports.js';
import { createProjector, type Projector } from '../../src/projections/projector.js';
import { rebuild } from '../../src/projections/rebuild/rebuild.js';
import { createSeqWaiter } from '../../src/projections/seqWaiter.js';
import { MemoryImages } from '../support/memoryLog.js';
import { olderLog } from '../support/olderLog.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { projectorRig } from '../support/projectorRig.js';
import { command, completed, started } from '../support/story.js';

const log = olderLog('549a497');
const images = new MemoryImages();
images.add(log.images);

let db: TestDatabase;
let projector: Projector;

beforeAll(async () => {
  db = await createTestDatabase();
  const pool = db.pool('spark_projector');
  projector = createProjector({
    ...{ pool, clock: systemClock, logSource: log.source, imageSource: images },
    onError: (error) => expect.fail(String(error)),
    onFatal: (error) => expect.fail(String(error)),
  });
  await projector.start();
  const last = log.events.at(-1)?.seq ?? 0;
  expect(
    await createSeqWaiter(db.pool('spark_ingest', 'replica'), systemClock).waitForSeq(last, 30_000),
  ).toBe(true);
});

afterAll(async () => {
  await projector.stop();
  await db.drop();
});

/** Rows of a live read model on the standby, as JSON, in the order of a column. */
async function rowsOf(table: string, key: string): Promise<Record<string, unknown>[]> {
  const client = await db.pool('spark_ingest', 'replica').connect();
  try {
    await client.query(`SET TimeZone = 'UTC'`);
    const { rows } = await client.query(
      `SELECT to_jsonb(t) AS row FROM (SELECT * FROM spark.${table} ORDER BY ${key}) t`,
    );
    return rows.map((each) => each.row);
  } finally {
    client.release();
  }
}

const rebuilding = (names: string[]) =>
  rebuild({
    ...{ pool: db.pool('spark_projector'), clock: systemClock, logSource: log.source, imageSource: images },
    ...{ names, signal: new AbortController().signal, settleMs: 0 },
  });

describe('a log that an older build wrote', () => {
  it.each([
    ['spark_events', 'seq'],
    ['command_states', 'command_id'],
    ['spark_function_calls', 'seq'],
    ['spark_generated_scripts', 'seq'],
    ['spark_previews', 'seq'],
    ['spark_operations', 'operation_id'],
    ['spark_sessions', 'session_id'],
  ])('gives in %s every row that the older build had, with every column it had', async (table, key) => {
    const expected = log.tables[table] ?? [];
    expect(expected.length).toBeGreaterThan(2);
    const rows = await rowsOf(table, key);
    expect(rows).toHaveLength(expected.length);
    for (const [i, row] of rows.entries()) expect(row).toMatchObject(expected[i] ?? {});
  });

  it('fills in what the older build could not say, and rollups that it did not have', async () => {
    expect((await rowsOf('spark_previews', 'seq')).map((row) => row['cached'])).toEqual([
      false,
      false,
      false,
    ]);
    const events = await rowsOf('spark_events', 'seq');
    expect(events.every((row) => (row['payload'] as { v: number }).v === EVENT_VERSION)).toBe(true);
    const { rows } = await db.admin.query('SELECT sum(calls)::int AS calls FROM spark.rollup_calls_minute');
    expect(rows).toEqual([{ calls: log.tables['spark_function_calls']?.length }]);
    const stored = await rowsOf('spark_images', 'sha256');
    expect(stored.map((row) => row['sha256'])).toEqual(
      log.tables['spark_images']?.map((row) => row['sha256']),
    );
    expect(await rowsOf('spark_dead_letters', 'id')).toEqual([]);
  });
});

/** What a migration looks like that gives a read model a column (docs/schema-evolution.md). */
const MIGRATION = `
  SET LOCAL ROLE spark_owner;
  ALTER TABLE spark_blue.spark_previews ADD COLUMN cached boolean NOT NULL DEFAULT true;
  ALTER TABLE spark_green.spark_previews ADD COLUMN cached boolean NOT NULL DEFAULT true;
  SELECT spark.publish_read_model('spark_previews');`;

describe('a read model that gets a column', () => {
  it('given rows of before it, then they have its default until the read model is made anew, and what the log says from then on', async () => {
    await projector.stop();
    const before = await digestReadModels(db.pool('spark_projector'));
    // As before the migration.
    await db.admin.query(`
      DROP VIEW spark.spark_previews; DROP FUNCTION spark.live_spark_previews();
      ALTER TABLE spark_blue.spark_previews DROP COLUMN cached; ALTER TABLE spark_green.spark_previews DROP COLUMN cached`);
    await db.admin.query(`BEGIN; ${MIGRATION} COMMIT`);
    const added = await db.admin.query('SELECT cached FROM spark.spark_previews');
    expect(added.rows).toEqual([true, true, true].map((cached) => ({ cached })));

    const { flipped } = await rebuilding(['spark_previews']);

    expect(flipped).toEqual(['spark_previews']);
    const dashboard = db.pool('spark_dashboard_ro');
    expect((await dashboard.query('SELECT cached FROM spark_previews')).rows).toEqual(
      [false, false, false].map((cached) => ({ cached })),
    );
    // Nothing else was touched, and everything made anew is the same again.
    await rebuilding([]);
    const after = await digestReadModels(db.pool('spark_projector'));
    const others = (digests: typeof after) => digests.filter(({ table }) => table !== 'spark_previews');
    expect(others(after)).toEqual(others(before));
    await projector.start();
  });
});

describe('an event of a version yet to come', () => {
  it('stops the projector for good with a clear word; a build that reads it goes on from there, and nothing is lost', async () => {
    const fresh = await createTestDatabase();
    const rig = projectorRig(fresh.pool('spark_projector'));
    const [first, second] = [command(), command()];
    rig.log.append([started(first), completed(first)]);
    await rig.projector.start();
    await rig.caughtUp();
    const later = { ...completed(second), v: EVENT_VERSION + 1 };
    rig.log.appendRaw(JSON.stringify({ v: 1, events: [started(second), later] }));
    await expect(rig.caughtUp()).rejects.toMatchObject({ code: 'newer_events' });
    expect(rig.projector.state).toBe('failed');
    expect(String(rig.fatal[0])).toContain(`version ${EVENT_VERSION + 1}`);
    const { rows } = await fresh.admin.query('SELECT count(*)::int AS n FROM spark.spark_events');
    expect(rows).toEqual([{ n: 2 }]);
    expect((await fresh.admin.query('SELECT FROM spark.projector_dead_letters')).rowCount).toBe(0);
    await rig.projector.stop();

    // The build of that version: for it the event is one of today's.
    const upgraded = projectorRig(fresh.pool('spark_projector'), { logSource: readable(rig.log) });
    await upgraded.projector.start();
    const end = endOfMessage(rig.log.stream.lastSeq);
    expect(await createSeqWaiter(fresh.pool('spark_ingest'), systemClock).waitForSeq(end, 10_000)).toBe(true);
    const all = await fresh.admin.query('SELECT state FROM spark.command_states ORDER BY first_seq');
    expect(all.rows).toEqual([{ state: 'completed' }, { state: 'completed' }]);
    await upgraded.projector.stop();
    await fresh.drop();
  });
});

/** The same log as a newer build sees it. */
function readable(inner: LogSource): LogSource {
  const lower = (data: Uint8Array): Uint8Array =>
    Buffer.from(
      Buffer.from(data)
        .toString()
        .replaceAll(`"v":${EVENT_VERSION + 1}`, `"v":${EVENT_VERSION}`),
    );
  return {
    created: () => inner.created(),
    firstStreamSeq: () => inner.firstStreamSeq(),
    lastStreamSeq: () => inner.lastStreamSeq(),
    async *read(after, signal) {
      for await (const message of inner.read(after, signal)) yield { ...message, data: lower(message.data) };
    },
  };
}

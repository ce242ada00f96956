import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPool } from '../../../src/postgres/pools.js';
import { digestReadModels } from '../../../src/projections/digest.js';
import { sessionEventsAfter } from '../../../src/projections/events/queries.js';
import { listOperations } from '../../../src/projections/operations/queries.js';
import { readLive } from '../../../src/projections/slots/liveTables.js';
import { otherSlot, type Slot } from '../../../src/projections/slots/slot.js';
import { Tables } from '../../../src/projections/slots/tables.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { projectorRig, type Rig } from '../../support/projectorRig.js';
import { ALL_MODELS, copyAndFlip, emptyOther, replayed, sameDays } from '../../support/slotFlips.js';
import { command, completed, imageContents, operationOf, started } from '../../support/story.js';

/** A reader that waits this long for a lock fails: what it takes besides is the machine's affair. */
const LOCK_WAIT_MAX_MS = 200;

const databases: TestDatabase[] = [];
let db: TestDatabase;
let rig: Rig;
let owner: pg.PoolClient;

beforeEach(async () => {
  db = await createTestDatabase();
  databases.push(db);
  rig = projectorRig(db.pool('spark_projector'));
  owner = await db.admin.connect();
});

afterEach(async () => {
  owner.release();
  await rig.projector.stop();
});

afterAll(async () => {
  for (const each of databases) await each.drop();
});

/** n commands of a session, each with an operation, a message each. */
function work(n: number, sessionId: string): void {
  for (let i = 0; i < n; i++) {
    const story = command({ sessionId });
    const text = `class C${rig.log.stream.lastSeq} {}`;
    rig.images.add(imageContents(text));
    const operation = operationOf(story, null, text);
    rig.log.append([started(story), completed(story, { change: { direction: 'apply', operation } })]);
  }
}

/** Flips to the other slot, whose rows are copied; what was live before can be emptied afterwards. */
async function flipTo(slot: Slot): Promise<void> {
  await sameDays(owner, otherSlot(slot), slot);
  await copyAndFlip(owner, otherSlot(slot), slot);
}

const slotsOf = async () =>
  (await owner.query<{ slot: string }>('SELECT DISTINCT slot FROM spark.read_model_slots')).rows.map(
    ({ slot }) => slot,
  );

describe('a projector at work when read models are flipped', () => {
  it('given flips in between, then every event is in the live slot once, images too, and the old slot stands still', async () => {
    work(20, 's-1');
    await rig.projector.start();
    await rig.caughtUp();
    await flipTo('green');
    // Images go ahead of their batch, so the next ones may lie in the old slot too.
    const inBlue = ALL_MODELS.filter((table) => table !== 'spark_images');
    const old = await digestReadModels(db.admin, Tables.inSlot('blue', inBlue));
    work(20, 's-1');
    await rig.caughtUp();
    expect(rig.errors).toEqual([]);
    expect(await digestReadModels(db.admin, Tables.inSlot('blue', inBlue))).toEqual(old);
    const live = await digestReadModels(db.admin);
    expect(live).toEqual(await digestReadModels(db.admin, Tables.inSlot('green')));
    expect(live.find(({ table }) => table === 'spark_images')?.rows).toBe(80);
    const reader = db.pool('spark_ingest');
    const events = await sessionEventsAfter(reader, { sessionId: 's-1', afterSeq: 0, limit: 1_000 });
    expect(events.map(({ seq }) => seq)).toEqual(
      [...new Set(events.map(({ seq }) => seq))].sort((a, b) => a - b),
    );
    expect(events).toHaveLength(80);
    expect(await listOperations(reader, { sessionId: 's-1', limit: 100 })).toHaveLength(40);
  });

  it('given flips while it projects without a pause, then the result is what it is without flips', async () => {
    await rig.projector.start();
    let slot: Slot = 'blue';
    for (let round = 0; round < 4; round++) {
      work(150, `s-${round % 3}`);
      slot = otherSlot(slot);
      if (round > 0) await emptyOther(owner, slot, 0);
      await flipTo(slot);
    }
    await rig.caughtUp();
    expect(await slotsOf()).toEqual(['blue']);
    expect(rig.errors).toEqual([]);
    const flipped = await digestReadModels(db.admin);

    const other = await createTestDatabase();
    databases.push(other);
    const straight = projectorRig(other.pool('spark_projector'), { log: rig.log, images: rig.images });
    await straight.projector.start();
    await straight.caughtUp();
    await straight.projector.stop();
    expect(flipped).toEqual(await digestReadModels(other.admin));
    expect(flipped.find(({ table }) => table === 'spark_events')?.rows).toBe(1_200);
  });

  it('given connections cut around the flips, as kill -9 cuts them, then nothing is lost and nothing is there twice', async () => {
    await rig.projector.start();
    let slot: Slot = 'blue';
    for (let round = 0; round < 6; round++) {
      work(60, 's-1');
      slot = otherSlot(slot);
      if (round > 0) await emptyOther(owner, slot, 0);
      await sameDays(owner, otherSlot(slot), slot);
      const flipping = copyAndFlip(owner, otherSlot(slot), slot);
      const cutter = new pg.Client({ connectionString: db.adminUrl });
      await cutter.connect();
      for (let cut = 0; cut < 3; cut++) {
        await cutter.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'spark_projector'`,
        );
      }
      await cutter.end();
      await flipping;
    }
    await rig.caughtUp();
    const { rows } = await owner.query(
      `SELECT count(*)::int AS events, count(DISTINCT seq)::int AS different, (SELECT sum(events)::int FROM spark.spark_sessions) AS counted,
         (SELECT count(*)::int FROM spark.spark_operations) AS operations FROM spark.spark_events`,
    );
    expect(rows).toEqual([{ events: 720, different: 720, counted: 720, operations: 360 }]);
  });

  it('given a flip whose connection is lost before its commit, then nothing has happened', async () => {
    work(10, 's-1');
    await rig.projector.start();
    await rig.caughtUp();
    await sameDays(owner, 'blue', 'green');
    const doomed = new pg.Client({ connectionString: db.adminUrl });
    doomed.on('error', () => undefined);
    await doomed.connect();
    await doomed.query('BEGIN');
    await doomed.query('SELECT spark.flip_read_models($1::text[], $2)', [ALL_MODELS, 'green']);
    const { rows } = await doomed.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await owner.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await doomed.end().catch(() => undefined);
    work(10, 's-1');
    await rig.caughtUp();
    expect(await slotsOf()).toEqual(['blue']);
    expect((await owner.query('SELECT count(*)::int AS n FROM spark.spark_events')).rows).toEqual([
      { n: 40 },
    ]);
    expect((await owner.query('SELECT 1 FROM spark_green.spark_events')).rows).toEqual([]);
  });
});

/** A pool on the standby whose statements fail rather than wait for a lock. */
function impatient(role: 'spark_dashboard_ro' | 'spark_ingest'): pg.Pool {
  const url = new URL(db.urlFor(role, 'replica'));
  url.searchParams.set('options', `-c lock_timeout=${LOCK_WAIT_MAX_MS}`);
  return createPool({ url: url.href, applicationName: 'test', maxConnections: 4 });
}

describe('readers on the standby while read models are flipped', () => {
  it('see no error, nothing partial, nothing older than before, and wait for nobody', async () => {
    work(200, 's-done');
    await rig.projector.start();
    await rig.caughtUp();
    const dashboard = impatient('spark_dashboard_ro');
    const ingest = impatient('spark_ingest');
    await replayed(owner, ingest);
    let over = false;
    const looks: { events: number; counted: number; done: number; timeline: number }[] = [];
    const read = async (): Promise<void> => {
      let last = 0;
      while (!over) {
        // One statement, one moment: tables of the same version of the read models agree.
        const { rows } = await dashboard.query<{ events: number; counted: number; done: number }>({
          // Prepared once: its plan has to notice, too.
          name: 'look',
          text: `SELECT (SELECT count(*)::int FROM spark_events) AS events, (SELECT sum(events)::int FROM spark_sessions) AS counted,
             (SELECT count(*)::int FROM spark_commands WHERE session_id = 's-done') AS done`,
        });
        const timeline = await sessionEventsAfter(ingest, { sessionId: 's-done', afterSeq: 0, limit: 1_000 });
        const [row] = rows;
        if (row === undefined) throw new Error('no row');
        looks.push({ ...row, timeline: timeline.length });
        if (row.events < last) throw new Error(`went back from ${last} to ${row.events} events`);
        last = row.events;
      }
    };
    const readers = Promise.all([read(), read(), read()]);
    // Looked at below; failing before that must not count as nobody's.
    readers.catch(() => undefined);
    try {
      let slot: Slot = 'blue';
      for (let round = 0; round < 6; round++) {
        work(40, `s-${round}`);
        slot = otherSlot(slot);
        if (round > 0) await emptyOther(owner, slot, 200);
        await flipTo(slot);
      }
      await rig.caughtUp();
      await replayed(owner, ingest);
    } finally {
      over = true;
      await readers;
    }
    expect(looks.length).toBeGreaterThan(20);
    for (const look of looks) {
      expect(look).toMatchObject({ done: 200, timeline: 400 });
      expect(look.counted).toBe(look.events);
    }
    expect(new Set(looks.map(({ events }) => events)).size).toBeGreaterThan(3);
    await Promise.all([dashboard.end(), ingest.end()]);
  });

  it('given one in the midst of a long statement, then emptying the other slot neither ends it nor makes others wait behind it', async () => {
    work(100, 's-1');
    await rig.projector.start();
    await rig.caughtUp();
    await flipTo('green');
    await emptyOther(owner, 'blue', 200);
    await sameDays(owner, 'green', 'blue');
    await replayed(owner, db.pool('spark_ingest', 'replica'));
    const long = db
      .pool('spark_dashboard_ro', 'replica')
      .query('SELECT count(*)::int AS n, (SELECT pg_sleep(5)) FROM spark_events');
    long.catch(() => undefined);
    const others = impatient('spark_dashboard_ro');
    let over = false;
    const reading = (async () => {
      while (!over)
        expect((await others.query('SELECT count(*)::int AS n FROM spark_events')).rows).toEqual([
          { n: 200 },
        ]);
    })();
    reading.catch(() => undefined);
    const projector = await db.pool('spark_projector').connect();
    for (let i = 0; i < 3; i++) await emptyOther(projector, 'blue', 0);
    projector.release();
    await replayed(owner, db.pool('spark_ingest', 'replica'));
    over = true;
    await reading;
    await others.end();
    expect((await long).rows).toMatchObject([{ n: 200 }]);
  });

  it('given a transaction that began before the flip, then it goes on seeing what it began with', async () => {
    work(10, 's-1');
    await rig.projector.start();
    await rig.caughtUp();
    const old = await db.pool('spark_dashboard_ro').connect();
    await old.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    const count = async () => (await old.query('SELECT count(*)::int AS n FROM spark_events')).rows;
    expect(await count()).toEqual([{ n: 20 }]);
    await flipTo('green');
    work(10, 's-1');
    await rig.caughtUp();
    expect(await count()).toEqual([{ n: 20 }]);
    await old.query('COMMIT');
    expect(await count()).toEqual([{ n: 40 }]);
    old.release();
  });
});

describe('a reader that asks the live table by its name', () => {
  it('given a flip between the pointers and the rows, then it reads them again where they are now', async () => {
    work(5, 's-1');
    await rig.projector.start();
    await rig.caughtUp();
    const reader = db.pool('spark_ingest');
    const asked: string[] = [];
    const rows = await readLive(reader, async (tables) => {
      const table = tables.of('spark_events');
      asked.push(table);
      if (asked.length === 1) {
        await flipTo('green');
        work(5, 's-1');
        await rig.caughtUp();
      }
      return (await reader.query(`SELECT seq FROM ${table}`)).rowCount;
    });
    expect(asked).toEqual(['spark_blue.spark_events', 'spark_green.spark_events']);
    expect(rows).toBe(20);
  });
});

describe('what is live', () => {
  it('is not emptied, nor what readers of before may still be reading', async () => {
    work(5, 's-1');
    await rig.projector.start();
    await rig.caughtUp();
    await expect(emptyOther(owner, 'blue', 0)).rejects.toMatchObject({ code: 'slot_in_use' });
    await expect(
      owner.query("SELECT spark.drop_slot_indexes('spark_blue', 'spark_events')"),
    ).rejects.toMatchObject({ code: '55006' });
    expect((await owner.query('SELECT count(*)::int AS n FROM spark.spark_events')).rows).toEqual([
      { n: 10 },
    ]);
  });

  it('given a slot without its indexes, then they are made as the live one has them', async () => {
    const indexes = async (slot: string) =>
      (
        await owner.query(
          "SELECT indexname, replace(indexdef, schemaname || '.', '') AS definition FROM pg_indexes WHERE schemaname = $1 ORDER BY 1",
          [slot],
        )
      ).rows;
    const before = await indexes('spark_green');
    const projector = db.pool('spark_projector');
    for (const model of ALL_MODELS)
      await projector.query("SELECT spark.drop_slot_indexes('spark_green', $1)", [model]);
    expect((await indexes('spark_green')).length).toBe(ALL_MODELS.length);
    for (const model of ALL_MODELS)
      await projector.query("SELECT spark.make_slot_indexes('spark_green', $1)", [model]);
    expect(await indexes('spark_green')).toEqual(before);
  });
});

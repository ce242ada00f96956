import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeOldSlots } from '../../../src/projections/slots/switch.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { projectorRig, type Rig } from '../../support/projectorRig.js';
import { ALL_MODELS, copyAndFlip, replayed, sameDays } from '../../support/slotFlips.js';
import { command, completed, STORY_BEGAN_MS, started } from '../../support/story.js';

const DAY_MS = 86_400_000;
const SERVERS = ['primary', 'replica'] as const;

let db: TestDatabase;
let rig: Rig;
let owner: pg.PoolClient;

/** The plan as the dashboard role gets it, schemas named. */
async function plan(
  server: (typeof SERVERS)[number],
  sql: string,
  options = 'VERBOSE, COSTS OFF',
): Promise<string> {
  const { rows } = await db.pool('spark_dashboard_ro', server).query(`EXPLAIN (${options}) ${sql}`);
  return rows.map((row) => String(row['QUERY PLAN'])).join('\n');
}

const replicated = (): Promise<void> => replayed(owner, db.pool('spark_ingest', 'replica'));

beforeAll(async () => {
  db = await createTestDatabase();
  rig = projectorRig(db.pool('spark_projector'));
  owner = await db.admin.connect();
  for (let i = 0; i < 600; i++) {
    const story = command({ sessionId: `session-${i % 30}` });
    const tsMs = STORY_BEGAN_MS + (i % 3) * DAY_MS + i * 1_000;
    rig.log.append([started(story), completed(story)], tsMs);
  }
  await rig.projector.start();
  await rig.caughtUp();
  await rig.projector.stop();
  await owner.query('ANALYZE');
  await replicated();
});

afterAll(async () => {
  owner.release();
  await db.drop();
});

const TIMELINE =
  "SELECT * FROM spark_events WHERE session_id = 'session-3' AND seq > 5 ORDER BY seq LIMIT 10";
/** A step that sorts; `Sort Key` alone is how sorted rows are merged. */
const SORTS = /->\s+(?:Incremental )?Sort$/m;
const WINDOW = `SELECT count(*) FROM spark_events WHERE ts >= '2026-03-02T00:00:00Z' AND ts < '2026-03-03T00:00:00Z' AND type LIKE '%.failed'`;

describe.each(SERVERS)('the views over the slots, on %s', (server) => {
  it('given the live slot alone, then a condition on the time leaves the partitions of that time, and of that slot', async () => {
    const text = await plan(server, WINDOW);
    expect(text).toContain('spark_blue.spark_events_20260302');
    expect(text).not.toContain('spark_events_20260301');
    expect(text).not.toContain('spark_green');
  });

  it('given an order and a limit, then they reach the index of the table: nothing is sorted', async () => {
    const text = await plan(server, TIMELINE);
    expect(text).toContain('session_id_seq_idx');
    expect(text).toContain('Merge Append');
    expect(text).not.toMatch(SORTS);
    expect(text).not.toContain('spark_green');
  });

  it('given a command, then it is found by its key, below both parts of the view', async () => {
    const text = await plan(
      server,
      "SELECT * FROM spark_commands WHERE command_id = '00000000-0000-7000-8000-000000000000'",
    );
    expect(text).toContain('command_states_pkey');
    expect(text).toContain('accepted_overlay');
    expect(text).not.toContain('Seq Scan on spark_blue.command_states');
  });
});

describe('a column with a collation of its own', () => {
  it('is found by the index of the table', async () => {
    const client = await db.pool('spark_dashboard_ro').connect();
    await client.query('SET enable_seqscan = off');
    for (const [sql, index] of [
      ["SELECT * FROM spark_editors WHERE editor = 'default'", 'spark_editors_pkey'],
      ['SELECT editor FROM spark_editors ORDER BY editor LIMIT 1', 'spark_editors_pkey'],
      [
        "SELECT * FROM rollup_lanes_minute WHERE editor = 'default' AND minute >= '2026-03-01'",
        'rollup_lanes_minute_editor',
      ],
    ]) {
      const { rows } = await client.query(`EXPLAIN ${sql}`);
      expect(rows.map((row) => row['QUERY PLAN']).join('\n'), sql).toContain(`Scan using ${index}`);
    }
    client.release(true);
  });
});

describe('after a flip, with readers of before', () => {
  beforeAll(async () => {
    await sameDays(owner, 'blue', 'green');
    await copyAndFlip(owner, 'blue', 'green');
    await owner.query('ANALYZE');
    await replicated();
  });

  it.each(SERVERS)('the slot that is not live is in the plan and never executed, on %s', async (server) => {
    const text = await plan(
      server,
      WINDOW,
      'ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF',
    );
    const [blue, green] = ['blue', 'green'].map((slot) =>
      text.split('\n').filter((line) => line.includes(`on spark_${slot}.spark_events_`)),
    );
    expect(blue).not.toEqual([]);
    expect(green).not.toEqual([]);
    for (const line of blue ?? []) expect(line).toContain('never executed');
    for (const line of green ?? []) expect(line).not.toContain('never executed');
    // The condition went down on both sides: only the partition of that day is there.
    expect(text).not.toContain('spark_events_20260301');
    expect(text).toContain('One-Time Filter');
  });

  it('the letters, commands and images show the live slot too, and each as much to a dashboard as before', async () => {
    const dashboard = db.pool('spark_dashboard_ro', 'replica');
    await owner.query(
      'TRUNCATE spark_blue.command_states, spark_blue.projector_dead_letters, spark_blue.spark_images',
    );
    await owner.query(
      `INSERT INTO spark_green.projector_dead_letters VALUES (7, now(), 'poison_event', 'x', NULL, NULL, NULL, '{}', false);
       INSERT INTO spark_green.spark_images VALUES ('aa', 3, 'xyz')`,
    );
    await replicated();
    const { rows } = await dashboard.query('SELECT count(*)::int AS n FROM spark_commands');
    expect(rows).toEqual([{ n: 600 }]);
    const letters = await dashboard.query('SELECT source, id, state, attempts FROM spark_dead_letters');
    expect(letters.rows).toEqual([{ source: 'projector', id: '7', state: 'open', attempts: 1 }]);
    expect((await dashboard.query('SELECT sha256, bytes FROM spark_images')).rows).toEqual([
      { sha256: 'aa', bytes: 3 },
    ]);
    await expect(dashboard.query('SELECT data FROM spark_images')).rejects.toMatchObject({ code: '42501' });
    await expect(dashboard.query('SELECT data FROM spark_green.spark_images')).rejects.toMatchObject({
      code: '42501',
    });
  });

  it('given that they have ended, then the views let go of the old slot, and an order reaches the index again', async () => {
    await closeOldSlots(owner, ALL_MODELS);
    await replicated();
    for (const server of SERVERS) {
      const text = await plan(server, TIMELINE);
      expect(text).toContain('spark_green.spark_events');
      expect(text).not.toContain('spark_blue');
      expect(text).not.toMatch(SORTS);
    }
  });
});

describe('the twin of a table', () => {
  it('has the same columns, indexes, fillfactor and storage', async () => {
    const shape = async (slot: string) => {
      const columns = await owner.query(
        `SELECT c.relname, c.relkind, c.reloptions, a.attname, a.attnum, a.attnotnull, a.attstorage, a.attgenerated, format_type(a.atttypid, a.atttypmod) AS type
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition ORDER BY 1, a.attnum`,
        [slot],
      );
      const indexes = await owner.query(
        `SELECT replace(indexdef, $1 || '.', '') AS definition FROM pg_indexes
         WHERE schemaname = $1 AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = (quote_ident($1) || '.' || quote_ident(indexname))::regclass)
         ORDER BY 1`,
        [slot],
      );
      return { columns: columns.rows, indexes: indexes.rows };
    };
    const blue = await shape('spark_blue');
    expect(blue.columns.length).toBeGreaterThan(150);
    expect(blue.indexes.length).toBeGreaterThan(25);
    expect(await shape('spark_green')).toEqual(blue);
  });
});

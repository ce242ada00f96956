import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isTooDeep } from '../../../src/projections/events/depth.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';

let db: TestDatabase;
let projector: pg.Pool;
beforeAll(async () => {
  db = await createTestDatabase();
  projector = db.pool('spark_projector');
});
afterAll(() => db.drop());

const DAYS = ['2026-05-01T00:00:00Z', '2026-05-02T00:00:00Z'];

/** Tables of the green slot with their options, as far as autovacuum is concerned. */
async function leftAlone(): Promise<string[]> {
  const { rows } = await db.admin.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'spark_green'::regnamespace AND 'autovacuum_enabled=off' = ANY (reloptions) ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

const makePartition = (day: string | undefined) =>
  projector.query(
    "SELECT spark.ensure_partitions('spark_green', 'spark_events', ARRAY[$1]::timestamptz[], false)",
    [day],
  );

describe('a slot that is filled', () => {
  it('is left alone by autovacuum, partitions made meanwhile too, until its indexes are made', async () => {
    await makePartition(DAYS[0]);
    for (const table of ['spark_events', 'command_states'])
      await projector.query("SELECT spark.begin_fill('spark_green', $1)", [table]);
    await makePartition(DAYS[1]);
    expect(await leftAlone()).toEqual(['command_states', 'spark_events_20260501', 'spark_events_20260502']);
    for (const table of ['spark_events', 'command_states'])
      await projector.query("SELECT spark.make_slot_indexes('spark_green', $1)", [table]);
    expect(await leftAlone()).toEqual([]);
    await makePartition('2026-05-03T00:00:00Z');
    expect(await leftAlone()).toEqual([]);
    const { rows } = await db.admin.query<{ kept: string[] }>(
      "SELECT reloptions AS kept FROM pg_class WHERE oid = 'spark_green.command_states'::regclass",
    );
    expect(rows[0]?.kept).toContain('fillfactor=75');
  });

  it('given one that readers use, then it is refused and nothing changes', async () => {
    await expect(
      projector.query("SELECT spark.begin_fill('spark_blue', 'spark_events')"),
    ).rejects.toMatchObject({
      code: '55006',
    });
    const { rows } = await db.admin.query('SELECT FROM spark.read_model_slots WHERE filling IS NOT NULL');
    expect(rows).toHaveLength(0);
  });
});

describe('documents', () => {
  it('are sampled nowhere, in partitions neither', async () => {
    const { rows } = await db.admin.query(
      `SELECT attrelid::regclass, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
       WHERE c.relnamespace IN ('spark_blue'::regnamespace, 'spark_green'::regnamespace) AND c.relkind IN ('r', 'p')
         AND atttypid IN ('json'::regtype, 'jsonb'::regtype, 'bytea'::regtype) AND attstattarget IS DISTINCT FROM 0`,
    );
    expect(rows).toEqual([]);
  });

  it('given the deepest payload that may go in, then the view shows it as jsonb', async () => {
    await projector.query(
      "SELECT spark.ensure_partitions('spark_blue', 'spark_events', ARRAY[$1]::timestamptz[], false)",
      [DAYS[0]],
    );
    const payload = `{"b": 1, "a":${'['.repeat(3_999)}1${']'.repeat(3_999)}}`;
    expect(isTooDeep(Buffer.from(payload))).toBe(false);
    await projector.query(
      `INSERT INTO spark_blue.spark_events (seq, ts, event_id, command_id, log_partition, type, session_id, payload)
       VALUES (1, $1, gen_random_uuid(), gen_random_uuid(), 0, 'x.started', 's', $2::json)`,
      [DAYS[0], payload],
    );
    const { rows } = await projector.query<{ type: string; text: string; found: string }>(
      "SELECT pg_typeof(payload)::text AS type, left(payload::text, 5) AS text, payload ->> 'b' AS found FROM spark.spark_events WHERE seq = 1",
    );
    expect(rows).toEqual([{ type: 'jsonb', text: '{"a":', found: '1' }]);
    const stored = await projector.query<{ text: string }>(
      'SELECT left(payload::text, 5) AS text FROM spark_blue.spark_events WHERE seq = 1',
    );
    expect(stored.rows).toEqual([{ text: '{"b":' }]);
  });
});

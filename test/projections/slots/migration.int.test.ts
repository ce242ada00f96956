import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { migrate } from '../../../src/postgres/migrate.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { MIGRATIONS_DIR, runSql } from '../../support/postgresCluster.js';
import { replayed } from '../../support/slotFlips.js';

const BEFORE_SLOTS = '0019_dead_letter_places.sql';
const ID = '01890000-0000-7000-8000-000000000001';
const TABLES = [
  'spark_events',
  'spark_commands',
  'command_states',
  'spark_function_calls',
  'spark_generated_scripts',
  'spark_previews',
  'spark_build_jobs',
  'spark_operations',
  'spark_images',
  'spark_sessions',
  'spark_usage',
  'spark_dead_letters',
  'spark_dead_letter_actions',
  'checkpoints',
  'accepted_overlay',
];

/** A home as the version before left it: each table with rows, in partitions of two days where there are any. */
const ROWS = `
  SELECT spark.ensure_day_partitions(parent::name, '{2026-05-01,2026-05-02}')
    FROM unnest(ARRAY['spark_events', 'spark_function_calls', 'spark_usage']) AS parent;
  INSERT INTO spark.spark_events SELECT n, timestamptz '2026-05-01T12:00:00Z' + n % 2 * interval '1 day', gen_random_uuid(), '${ID}', 3,
    'generate_unity_script.started', 's-' || n % 5, jsonb_build_object('n', n) FROM generate_series(1, 500) n;
  INSERT INTO spark.command_states (command_id, type, session_id, editor, state, attempts, accepted_at, first_seq, last_seq)
    VALUES ('${ID}', 'unity.generate_script', 's-1', 'default', 'completed', 1, '2026-05-01T12:00:00Z', 1, 2);
  INSERT INTO spark.accepted_overlay (command_id, type, session_id, editor, accepted_at, actor, priority, payload_sha)
    VALUES ('01890000-0000-7000-8000-000000000002', 'unity.apply_patch', 's-2', 'default', '2026-05-02T12:00:00Z', 'me', 5, 'sha');
  INSERT INTO spark.spark_function_calls VALUES (2, '2026-05-01T12:00:01Z', 12.5, '${ID}', 1, 'generate_unity_script', 'success', 'completed', 's-1', 'default', NULL);
  INSERT INTO spark.spark_generated_scripts VALUES (2, '2026-05-01T12:00:01Z', '${ID}', NULL, 'generate', 's-1', 'default', 'Assets/A.cs', 'aa', 3, NULL);
  INSERT INTO spark.spark_previews VALUES (3, '2026-05-01T12:00:02Z', '${ID}', 's-1', 'default', 'bb', 'image/png', 9, 1, 1, 1, 1, NULL, NULL, 'fast', 2.5, true);
  INSERT INTO spark.spark_build_jobs (job_id, seq, session_id, editor, target, output_path, state, started_at, finished_at)
    VALUES ('${ID}', 4, 's-1', 'default', 'webgl', 'Builds/x', 'completed', '2026-05-01T12:00:00Z', '2026-05-01T12:00:03Z');
  INSERT INTO spark.spark_operations (operation_id, seq, ts, command_id, session_id, editor, path, tool, state, state_command_id, state_ts, last_seq)
    VALUES ('${ID}', 2, '2026-05-01T12:00:01Z', '${ID}', 's-1', 'default', 'Assets/A.cs', 'unity.generate_script', 'applied', '${ID}', '2026-05-01T12:00:01Z', 2);
  INSERT INTO spark.spark_images VALUES ('aa', 3, 'xyz');
  INSERT INTO spark.spark_sessions VALUES ('s-1', '2026-05-01', '2026-05-02', 2, 1, 0, 1, 0, 0, 0, 0, 0, '{default}', 1, 2);
  INSERT INTO spark.spark_usage VALUES (5, '2026-05-02T12:00:00Z', 's-1', '${ID}', NULL, NULL, 'm', 1, 2, 0.000125);
  INSERT INTO spark.spark_dead_letters (source, id, ts, reason, attempts, last_error, original_subject, headers, body, body_encoding, body_truncated, stream_seq, stream_index, state, redrives, stream_mark)
    VALUES ('stream', 1, '2026-05-01', 'malformed_json', 3, 'e', 'spark.commands.default.unity.x.s', '{}', '{', 'utf8', false, 9, 0, 'redriven', 1, 'm'),
           ('projector', 77, '2026-05-02', 'poison_event', 1, 'e', 'spark.log', '{}', '{"v":1}', 'utf8', false, 77, 0, 'open', 0, NULL);
  INSERT INTO spark.spark_dead_letter_actions VALUES (1, '2026-05-01', 1, 'redriven', 'me', '${ID}', 1, 'sha');
  INSERT INTO spark.checkpoints VALUES ('log', 512000, '2026-05-02', 'then'), ('dead_letters', 1, '2026-05-01', 'then');
`;

let db: TestDatabase;
let client: pg.Client;
let dir: string;
let before: Map<string, unknown[]>;

const dump = async (on: Pick<pg.Client, 'query'>): Promise<Map<string, unknown[]>> => {
  const tables = new Map<string, unknown[]>();
  for (const table of TABLES) {
    const { rows } = await on.query(`SELECT to_jsonb(t) AS row FROM spark.${table} t ORDER BY t::text`);
    tables.set(
      table,
      rows.map(({ row }) => row),
    );
  }
  return tables;
};

beforeAll(async () => {
  db = await createTestDatabase({ empty: true });
  dir = await mkdtemp(join(tmpdir(), 'spark-migrations-'));
  for (const file of await readdir(MIGRATIONS_DIR))
    if (file <= BEFORE_SLOTS) await cp(join(MIGRATIONS_DIR, file), join(dir, file));
  await migrate({ adminUrl: db.adminUrl, dir });
  client = new pg.Client({ connectionString: db.adminUrl });
  await client.connect();
  await client.query("SET TimeZone = 'UTC'");
  await client.query(ROWS);
  before = await dump(client);
  await migrate({ adminUrl: db.adminUrl, dir: MIGRATIONS_DIR });
});

afterAll(async () => {
  await client.end();
  await db.drop();
  await rm(dir, { recursive: true, force: true });
});

describe('a home of the version before the slots', () => {
  it('given rows in every table, then each is there through the views, on the primary and on the standby', async () => {
    expect(Object.fromEntries([...before].map(([table, rows]) => [table, rows.length]))).toMatchObject({
      spark_events: 500,
      spark_commands: 2,
      spark_dead_letters: 2,
    });
    for (const rows of before.values()) expect(rows).not.toEqual([]);
    const url = new URL(inject('postgres').replicaUrl);
    url.pathname = `/${db.name}`;
    const standby = new pg.Client({ connectionString: url.href });
    await standby.connect();
    await standby.query("SET TimeZone = 'UTC'");
    await replayed(client, standby as unknown as pg.Pool);
    for (const server of [client, standby]) {
      const after = await dump(server);
      // Later versions add columns; what was there is as it was.
      for (const [table, rows] of before) {
        expect(after.get(table), table).toHaveLength(rows.length);
        for (const row of rows)
          expect(after.get(table), table).toContainEqual(
            expect.objectContaining(row as Record<string, unknown>),
          );
      }
    }
    await standby.end();
  });

  it('the tables of before are the blue ones, partitions and indexes with them, and green ones are empty', async () => {
    const { rows } = await client.query<{ schema: string; n: number }>(
      `SELECT c.relnamespace::regnamespace::text AS schema, count(*)::int AS n FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE c.relname ~ '^spark_(events|function_calls|usage)_2026050[12]$' GROUP BY 1`,
    );
    expect(rows).toEqual([{ schema: 'spark_blue', n: 6 }]);
    const plan = await client.query(
      `SET enable_seqscan = off; EXPLAIN SELECT * FROM spark.spark_operations WHERE path LIKE 'Assets/%'`,
    );
    const lines = (plan as unknown as pg.QueryResult[]).at(-1)?.rows ?? [];
    expect(lines.map((row) => row['QUERY PLAN']).join('\n')).toContain('spark_operations_path_pattern');
    await client.query('RESET enable_seqscan');
    for (const table of ['spark_events', 'command_states', 'projector_dead_letters'])
      expect((await client.query(`SELECT 1 FROM spark_green.${table}`)).rows).toEqual([]);
    const left = await client.query<{ relname: string }>(
      `SELECT relname FROM pg_class WHERE relnamespace = 'spark'::regnamespace AND relkind = 'p'`,
    );
    expect(left.rows).toEqual([]);
  });

  it("keeps one letter a place, and the projector's letters among the rest", async () => {
    await expect(
      client.query(
        `INSERT INTO spark.stream_dead_letters (source, id, ts, reason, attempts, last_error, original_subject, headers, body, body_encoding, body_truncated, stream_seq, stream_index, stream_mark)
         VALUES ('stream', 2, now(), 'x', 1, '', '', '{}', '', 'utf8', false, 9, 0, 'm')`,
      ),
    ).rejects.toMatchObject({ code: '23505' });
    expect((await client.query('SELECT seq FROM spark_blue.projector_dead_letters')).rows).toEqual([
      { seq: '77' },
    ]);
    expect(
      (await client.query("SELECT 1 FROM spark.stream_dead_letters WHERE source = 'projector'")).rows,
    ).toEqual([]);
  });

  it('says to a writer why it may not write through a view', async () => {
    await expect(runSql(db.adminUrl, 'DELETE FROM spark.spark_operations')).rejects.toMatchObject({
      code: '42501',
      message: expect.stringContaining('spark_operations'),
    });
  });
});

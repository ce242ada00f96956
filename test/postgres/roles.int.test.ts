import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

const REFUSED = '42501';
const READ_ONLY = '25006';

describe('spark_dashboard_ro', () => {
  it.each([
    "INSERT INTO spark_sessions (session_id) VALUES ('x')",
    'UPDATE spark.checkpoints SET last_seq = 0',
    'DELETE FROM spark_dead_letters',
    'TRUNCATE spark_blue.spark_events',
    'UPDATE spark_green.spark_sessions SET events = 0',
    "UPDATE spark.read_model_slots SET slot = 'green'",
    "SELECT spark.flip_read_models('{spark_events}', 'green')",
    'CREATE TABLE spark.mine (n int)',
  ])('may not: %s', async (sql) => {
    const pool = db.pool('spark_dashboard_ro');
    await expect(pool.query(sql)).rejects.toMatchObject({ code: expect.stringMatching(/42501|25006/) });
    // Nor when it takes off its own read-only setting.
    await expect(pool.query(`BEGIN READ WRITE; ${sql}`)).rejects.toMatchObject({ code: REFUSED });
  });

  it('sees every read model by its plain name, but no bytes of scripts', async () => {
    const pool = db.pool('spark_dashboard_ro');
    for (const name of [
      'spark_events',
      'spark_commands',
      'spark_function_calls',
      'spark_generated_scripts',
      'spark_previews',
      'spark_build_jobs',
      'spark_operations',
      'spark_sessions',
      'spark_dead_letters',
    ]) {
      await expect(pool.query(`SELECT * FROM ${name} LIMIT 1`)).resolves.toBeDefined();
    }
    await expect(pool.query('SELECT sha256, bytes FROM spark_images')).resolves.toBeDefined();
    await expect(pool.query('SELECT data FROM spark_images')).rejects.toMatchObject({ code: REFUSED });
  });

  it('may not take longer than its limit', async () => {
    const pool = db.pool('spark_dashboard_ro');
    const { rows } = await pool.query(
      `SELECT setconfig, rolconnlimit FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole WHERE rolname = current_user`,
    );
    expect(rows).toEqual([
      {
        rolconnlimit: 20,
        setconfig: expect.arrayContaining(['statement_timeout=15s', 'default_transaction_read_only=on']),
      },
    ]);
  });
});

describe('spark_projector', () => {
  it.each([
    'CREATE TABLE spark.mine (n int)',
    'DROP TABLE spark_blue.spark_previews',
    'ALTER TABLE spark_blue.spark_events ADD COLUMN mine int',
    'CREATE TABLE spark_green.mine (n int)',
    'CREATE SCHEMA mine',
    'CREATE ROLE mine',
    'SELECT * FROM spark.schema_migrations',
    'DELETE FROM spark.spark_events',
  ])('may not: %s', async (sql) => {
    await expect(db.pool('spark_projector').query(sql)).rejects.toMatchObject({ code: REFUSED });
  });

  it('makes partitions only of tables that are partitioned, through the one function it may call', async () => {
    const pool = db.pool('spark_projector');
    const make = (table: string) =>
      pool.query('SELECT spark.ensure_partitions($1, $2, $3::timestamptz[], false) AS made', [
        'spark_blue',
        table,
        ['2026-05-01T07:00:00Z', '2026-05-02T00:00:00Z'],
      ]);
    expect((await make('spark_events')).rows).toEqual([{ made: 2 }]);
    expect((await make('spark_events')).rows).toEqual([{ made: 0 }]);
    await expect(make('spark_previews')).rejects.toMatchObject({ code: '42809' });
    await expect(
      db
        .pool('spark_ingest')
        .query(`SELECT spark.ensure_partitions('spark_blue', 'spark_events', '{}', false)`),
    ).rejects.toMatchObject({ code: REFUSED });
  });

  it('commits without waiting for the disk', async () => {
    const { rows } = await db.pool('spark_projector').query('SHOW synchronous_commit');
    expect(rows).toEqual([{ synchronous_commit: 'off' }]);
  });
});

describe('spark_ingest', () => {
  it('reads what HTTP serves and writes nothing', async () => {
    const pool = db.pool('spark_ingest');
    await expect(pool.query('SELECT data FROM spark_images')).resolves.toBeDefined();
    await expect(pool.query('TRUNCATE spark_blue.spark_events')).rejects.toMatchObject({
      code: expect.stringMatching(READ_ONLY),
    });
    await expect(pool.query('BEGIN READ WRITE; TRUNCATE spark_blue.spark_events')).rejects.toMatchObject({
      code: REFUSED,
    });
  });
});

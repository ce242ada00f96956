import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { READ_MODELS } from '../../src/projections/readModels.js';
import { replicaHasAll } from '../support/onReplica.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

/** What others rely on (product.md, sections 4 and 9): the names, and at least these columns. */
const NAMED: Readonly<Record<string, string>> = {
  spark_events: 'seq event_id ts type session_id command_id payload',
  spark_commands:
    'command_id idempotency_key type session_id editor actor state attempts accepted_at started_at finished_at error_code result',
  spark_function_calls: 'ts name status duration_ms session_id command_id',
  spark_generated_scripts: 'ts command_id session_id editor path sha256',
  spark_previews: 'ts command_id session_id editor frame_sha256 mode cached duration_ms',
  spark_build_jobs: 'job_id session_id editor target state started_at finished_at',
  spark_usage: 'ts session_id command_id model input_tokens output_tokens cost_usd',
  spark_operations: 'operation_id ts session_id path tool before_sha256 after_sha256 state',
  spark_sessions: 'session_id first_seen last_seen events commands',
  spark_queue_depth: 'ts editor depth accepted ended',
  spark_dead_letters: 'source id ts reason attempts last_error original_subject state',
  spark_audit: 'ts actor action command_id session_id editor path outcome error_code payload_sha',
  spark_editors:
    'editor first_seen last_seen events commands started completed failed rejected conflict outcome_unknown cancelled',
};

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await replicaHasAll(db);
});
afterAll(() => db.drop());

describe('the names that others rely on, for the role of dashboards on the standby', () => {
  it.each(Object.entries(NAMED))(
    '%s is found on the search path with its columns, and can be read',
    async (name, columns) => {
      const dashboard = db.pool('spark_dashboard_ro', 'replica');
      const { rows } = await dashboard.query<{ column: string }>(
        `SELECT a.attname AS column FROM pg_attribute a
       WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`,
        [name],
      );
      expect(rows.map(({ column }) => column)).toEqual(expect.arrayContaining(columns.split(' ')));
      const asked = await dashboard.query(`SELECT ${columns.split(' ').join(', ')} FROM ${name} LIMIT 1`);
      expect(asked.fields.map((field) => field.name)).toEqual(columns.split(' '));
      expect(
        (await dashboard.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby')).rows,
      ).toEqual([{ standby: true }]);
    },
  );

  it('every read model can be read there, and none can be written', async () => {
    const dashboard = db.pool('spark_dashboard_ro', 'replica');
    for (const { table } of READ_MODELS) {
      const columns = table === 'spark_images' ? 'sha256, bytes' : '*';
      expect((await dashboard.query(`SELECT ${columns} FROM spark.${table} LIMIT 1`)).rows).toEqual([]);
      await expect(dashboard.query(`DELETE FROM spark.${table}`)).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:42501|25006)$/),
      });
    }
  });
});

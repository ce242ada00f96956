import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSql } from '../support/postgresCluster.js';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

const DAY_MS = 86_400_000;

describe('retention in a running SPARK', () => {
  const home = newHome();
  let spark: Spark;
  let adminUrl = '';

  beforeAll(async () => {
    spark = await Spark.start({
      home,
      env: { SPARK_RETENTION_DAYS: '30', SPARK_RETENTION_EVERY_MS: '300' },
    });
    const parts = JSON.parse(readFileSync(join(home, 'run', 'parts.json'), 'utf8')) as {
      postgres: { adminUrl: string };
    };
    adminUrl = parts.postgres.adminUrl;
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  const metric = async (name: string): Promise<number> => {
    const text = String((await spark.http('/metrics')).body);
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+]+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  };

  it('given rows older than the term, then their partitions go on both servers, what is young stays, and metrics and the log say so', async () => {
    const body = {
      ...{ type: 'unity.generate_script', sessionId: 'young' },
      payload: { name: 'Young', path: 'Assets/Young.cs', code: 'class Young {}' },
    };
    const answer = await spark.http('/v1/commands', { body, headers: { prefer: 'wait=30' } });
    expect(answer.body['state'], JSON.stringify(answer.body)).toBe('completed');
    const old = new Date(Date.now() - 60 * DAY_MS).toISOString();
    await runSql(
      adminUrl,
      `SELECT spark.ensure_partitions('spark_blue', 'spark_events', ARRAY['${old}'::timestamptz], false);
       INSERT INTO spark_blue.spark_events (seq, ts, event_id, command_id, log_partition, type, session_id, payload)
       VALUES (1, '${old}', gen_random_uuid(), gen_random_uuid(), 0, 'x.started', 'old', '{}')`,
    );
    await eventually(async () => {
      expect(await spark.sql(`SELECT FROM spark_events WHERE session_id = 'old'`)).toHaveLength(0);
      expect(await metric('spark_retention_partitions_dropped_total')).toBeGreaterThanOrEqual(1);
    });
    expect(await spark.sql(`SELECT FROM spark_events WHERE session_id = 'young'`)).toHaveLength(2);
    expect(await metric('spark_read_models_bytes')).toBeGreaterThan(100_000);
    expect(await metric('spark_retention_failures_total')).not.toBeGreaterThan(0);
  });
});

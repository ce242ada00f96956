import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { queryPlan } from '../support/queryPlan.js';

let db: TestDatabase;

/** 100,000 minutes of lanes (four editors, 17 days), and as much of the others; newest: now. */
const FILL = `
  CREATE TEMPORARY TABLE minutes AS SELECT date_bin('1 minute', now(), 'epoch') - i * interval '1 minute' AS minute, i
    FROM generate_series(0, 24999) AS i;
  INSERT INTO spark_blue.rollup_lanes_minute
    SELECT minute, 'editor-' || e, 40, 40, 1, 1000000 FROM minutes, generate_series(0, 3) AS e;
  INSERT INTO spark_blue.rollup_lanes_hour
    SELECT date_bin('1 hour', minute, 'epoch'), editor, sum(accepted), sum(ended) FROM spark_blue.rollup_lanes_minute GROUP BY 1, 2;
  INSERT INTO spark_blue.spark_editors SELECT 'editor-' || e, now(), now(), 1, 1, 7, 0, 0, 0, 0, 0, 0, 1 FROM generate_series(0, 3) AS e;
  INSERT INTO spark_blue.rollup_calls_minute SELECT minute, 'tool-' || t, 'completed', '', 40, 40, 1000000 FROM minutes, generate_series(0, 3) AS t;
  INSERT INTO spark_blue.rollup_latency_minute SELECT minute, 'tool-' || t, 100 + b, 4
    FROM minutes, generate_series(0, 3) AS t, generate_series(0, 9) AS b WHERE i < 5000;
  INSERT INTO spark_blue.rollup_latency_5min SELECT date_bin('5 minutes', minute, 'epoch'), name, bucket, sum(calls)
    FROM spark_blue.rollup_latency_minute GROUP BY 1, 2, 3;
  INSERT INTO spark_blue.rollup_previews_minute SELECT minute, 'fast', true, 4 FROM minutes;
  INSERT INTO spark_blue.rollup_operations_minute SELECT minute, 'apply', 'tool-' || t, 4 FROM minutes, generate_series(0, 3) AS t;
  INSERT INTO spark_blue.rollup_usage_hour SELECT date_bin('1 hour', minute, 'epoch'), 'm' || m, 't', 1, 0, 1, 1, 1
    FROM minutes, generate_series(0, 9) AS m GROUP BY 1, 2;
  INSERT INTO spark_blue.rollup_usage_session_hour SELECT date_bin('1 hour', minute, 'epoch'), 'session-' || s, 1, 1, 1, 1
    FROM minutes, generate_series(0, 99) AS s WHERE i < 5000 GROUP BY 1, 2;
  INSERT INTO spark_blue.rollup_usage_session SELECT 'session-' || i, date_bin('1 hour', minute, 'epoch'), date_bin('1 hour', minute, 'epoch'), 1, 1, 1, 1
    FROM minutes;
  INSERT INTO spark_blue.rollup_sessions_5min SELECT date_bin('5 minutes', minute, 'epoch'), 'session-' || s, 9, 3, 3, 900, 500
    FROM minutes, generate_series(0, 99) AS s WHERE i < 5000 GROUP BY 1, 2;
  INSERT INTO spark_blue.command_states (command_id, type, session_id, editor, state, attempts, accepted_at, started_at, finished_at, actor, first_seq, last_seq)
    SELECT gen_random_uuid(), 'unity.apply_patch', 'session-' || i % 100, 'editor-' || i % 4, 'completed', 1, minute, minute, minute, 'a', i, i
    FROM minutes, generate_series(0, 3);
  ANALYZE`;

beforeAll(async () => {
  db = await createTestDatabase();
  await db.admin.query(FILL);
  await db.admin.query('VACUUM');
});
afterAll(() => db.drop());

const HOUR = `now() - interval '1 hour'`;
const DAY = `now() - interval '1 day'`;

describe('with a hundred thousand minutes of history', () => {
  it.each([
    [
      'queue depth of the last six hours',
      `SELECT ts, editor, depth FROM spark.spark_queue_depth WHERE ts >= now() - interval '6 hours'`,
      ['rollup_lanes_hour_pkey', 'rollup_lanes_minute_editor', 'rollup_lanes_minute_pkey'],
    ],
    [
      'queue depth of one editor for one hour ten days ago',
      `SELECT ts, depth FROM spark.spark_queue_depth WHERE editor = 'editor-1'
         AND ts >= now() - interval '241 hours' AND ts < now() - interval '10 days'`,
      ['rollup_lanes_hour_pkey', 'rollup_lanes_minute_editor'],
    ],
    [
      'error rate by tool',
      `SELECT name, sum(calls) FROM spark.rollup_calls_minute WHERE minute >= ${HOUR} GROUP BY name`,
      ['rollup_calls_minute_pkey'],
    ],
    [
      'latency by tool',
      `SELECT name, bucket, sum(calls) FROM spark.rollup_latency_minute WHERE minute >= ${HOUR} GROUP BY name, bucket`,
      ['rollup_latency_minute_pkey'],
    ],
    [
      'latency by tool, by slices of five minutes',
      `SELECT name, bucket, sum(calls) FROM spark.rollup_latency_5min WHERE slice >= ${HOUR} GROUP BY name, bucket`,
      ['rollup_latency_5min_pkey'],
    ],
    [
      'cache hit rate',
      `SELECT cached, sum(previews) FROM spark.rollup_previews_minute WHERE minute >= ${HOUR} GROUP BY cached`,
      ['rollup_previews_minute_pkey'],
    ],
    [
      'slowest sessions',
      `SELECT session_id, max(call_us_max) FROM spark.rollup_sessions_5min WHERE slice >= ${HOUR} GROUP BY 1 ORDER BY 2 DESC LIMIT 10`,
      ['rollup_sessions_5min_pkey'],
    ],
    [
      'tokens and cost',
      `SELECT model, sum(cost_usd) FROM spark.rollup_usage_hour WHERE hour >= ${DAY} GROUP BY model`,
      ['rollup_usage_hour_pkey'],
    ],
    [
      'cost by session',
      `SELECT session_id, cost_usd FROM spark.rollup_usage_session WHERE last_hour >= ${DAY} ORDER BY 2 DESC LIMIT 10`,
      ['rollup_usage_session_last'],
    ],
    [
      'cost of one session by hour',
      `SELECT hour, cost_usd FROM spark.rollup_usage_session_hour WHERE session_id = 'session-1' AND hour >= ${DAY}`,
      ['rollup_usage_session_hour_pkey'],
    ],
    [
      'undo activity',
      `SELECT tool, sum(operations) FROM spark.rollup_operations_minute WHERE minute >= ${DAY} GROUP BY tool`,
      ['rollup_operations_minute_pkey'],
    ],
    [
      'one lane over a day',
      `SELECT minute, ended FROM spark.rollup_lanes_minute WHERE editor = 'editor-2' AND minute >= ${DAY}`,
      ['rollup_lanes_minute_editor'],
    ],
    [
      'the audit of the last hour, newest first',
      `SELECT * FROM spark.spark_audit WHERE ts >= ${HOUR} ORDER BY ts DESC LIMIT 100`,
      ['command_states_accepted'],
    ],
  ])('%s is answered from its window alone', async (_name, sql, indexes) => {
    const plan = await queryPlan(db.pool('spark_dashboard_ro'), sql);
    expect(plan.indexes).toEqual(expect.arrayContaining(indexes));
    const large = plan.wholeTables.filter((table) => /^(?:rollup_|command_states)/.test(table));
    expect(large).toEqual([]);
    expect(plan.rowsRead).toBeLessThan(60_000);
  });
});

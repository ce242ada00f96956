import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoggedEvent } from '../../src/events/event.js';
import { ensurePartitions, hourOf } from '../../src/postgres/partitions.js';
import { foldBatch } from '../../src/projections/foldBatch.js';
import { READ_MODELS, type TableName } from '../../src/projections/readModels.js';
import { LATENCY_BOUNDS_US } from '../../src/projections/rollups/latencyBuckets.js';
import type { Slot } from '../../src/projections/slots/slot.js';
import { Tables } from '../../src/projections/slots/tables.js';
import { CREATE_STAGES, writeBatch } from '../../src/projections/writeBatch.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { STORY_BEGAN_MS } from '../support/story.js';
import { wildLog } from '../support/wildLog.js';

const SLOTS: readonly Slot[] = ['blue', 'green'];
const RUNS = { numRuns: 25 };
const MAX_EVENTS = 60;

let db: TestDatabase;
let client: pg.PoolClient;
beforeAll(async () => {
  db = await createTestDatabase();
  client = await db.pool('spark_projector').connect();
  for (const statement of CREATE_STAGES) await client.query(statement);
  for (const slot of SLOTS) {
    await ensurePartitions(client, Tables.inSlot(slot).partitioned, [hourOf(STORY_BEGAN_MS)], 'day');
  }
});
afterAll(async () => {
  client.release();
  await db.drop();
});

/** Writes a log into an emptied slot, in batches of these sizes (the last of them again and again). */
async function project(
  slot: Slot,
  log: readonly LoggedEvent[],
  sizes: readonly number[],
  only?: readonly TableName[],
): Promise<void> {
  const tables = Tables.inSlot(slot, only);
  const checkpoint = `test:${slot}`;
  await client.query(`TRUNCATE ${tables.names.map((table) => tables.of(table)).join(', ')}`);
  await client.query('DELETE FROM spark.checkpoints WHERE name = $1', [checkpoint]);
  await client.query('INSERT INTO spark.checkpoints (name, last_seq, stream_created) VALUES ($1, 0, $2)', [
    checkpoint,
    'test',
  ]);
  let fromSeq = 0;
  for (let at = 0, i = 0; at < log.length; i++) {
    const events = log.slice(at, at + (sizes[Math.min(i, sizes.length - 1)] ?? log.length));
    const last = events.at(-1);
    if (last === undefined) return;
    const step = { checkpoint, streamCreated: 'test', fromSeq, toSeq: last.seq, tsMs: last.tsMs };
    await writeBatch(client, tables, step, foldBatch(events), []);
    fromSeq = last.seq;
    at += events.length;
  }
}

/** Every table's rows as text, in order. */
async function rowsIn(slot: Slot): Promise<Record<string, string[]>> {
  const tables = Tables.inSlot(slot);
  const all = tables.names.map(
    (table) => `SELECT '${table}' AS name, t::text AS row FROM ${tables.of(table)} t`,
  );
  const { rows } = await client.query<{ name: string; row: string }>(
    `${all.join(' UNION ALL ')} ORDER BY 1, 2`,
  );
  const byTable: Record<string, string[]> = {};
  for (const { name, row } of rows) byTable[name] = [...(byTable[name] ?? []), row];
  return byTable;
}

const minute = (time: string): string => `date_trunc('minute', ${time}, 'UTC')`;
const MOVES = `SELECT editor, state, coalesce(accepted_at, started_at, finished_at) AS accepted_at, finished_at FROM spark_blue.command_states`;

/** What each rollup has to say, computed anew from the rows of the read models that are not counted up. */
const ORACLES: Readonly<Partial<Record<TableName, string>>> = {
  rollup_calls_minute: `SELECT ${minute('ts')}, name, outcome, coalesce(error_code, ''), count(*), count(duration_ms),
      coalesce(sum(floor(duration_ms * 1000 + 0.5)), 0)::bigint
    FROM spark_blue.spark_function_calls GROUP BY 1, 2, 3, 4`,
  rollup_latency_minute: `SELECT ${minute('ts')}, name,
      width_bucket(floor(duration_ms * 1000 + 0.5)::bigint, '{${LATENCY_BOUNDS_US.join()}}'::bigint[])::smallint, count(*)
    FROM spark_blue.spark_function_calls WHERE duration_ms IS NOT NULL GROUP BY 1, 2, 3`,
  rollup_latency_5min: `SELECT date_bin('5 minutes', minute, 'epoch'), name, bucket, sum(calls)::bigint
    FROM spark_blue.rollup_latency_minute GROUP BY 1, 2, 3`,
  rollup_previews_minute: `SELECT ${minute('ts')}, mode, cached, count(*) FROM spark_blue.spark_previews GROUP BY 1, 2, 3`,
  rollup_sessions_5min: `SELECT date_bin('5 minutes', ts, 'epoch'), session_id, sum(events)::bigint, sum(calls)::bigint, count(us),
      coalesce(sum(us), 0)::bigint, coalesce(max(us), 0)::bigint
    FROM (SELECT ts, session_id, 1 AS events, 0 AS calls, NULL::bigint AS us FROM spark_blue.spark_events UNION ALL
      SELECT ts, session_id, 0, 1, floor(duration_ms * 1000 + 0.5)::bigint FROM spark_blue.spark_function_calls) one GROUP BY 1, 2`,
  rollup_usage_hour: `SELECT date_trunc('hour', ts, 'UTC'), model, coalesce(command_type, ''), count(*), count(*) FILTER (WHERE cost_usd IS NULL),
      sum(input_tokens), sum(output_tokens), coalesce(sum(cost_usd), 0) FROM spark_blue.spark_usage GROUP BY 1, 2, 3`,
  rollup_usage_session: `SELECT session_id, date_trunc('hour', min(ts), 'UTC'), date_trunc('hour', max(ts), 'UTC'), count(*), sum(input_tokens),
      sum(output_tokens), coalesce(sum(cost_usd), 0) FROM spark_blue.spark_usage GROUP BY 1`,
  rollup_usage_session_hour: `SELECT date_trunc('hour', ts, 'UTC'), session_id, count(*), sum(input_tokens), sum(output_tokens),
      coalesce(sum(cost_usd), 0) FROM spark_blue.spark_usage GROUP BY 1, 2`,
  rollup_lanes_minute: `SELECT minute, editor, sum(accepted)::bigint, sum(ended)::bigint, sum(failed)::bigint, sum(us)::bigint
    FROM (SELECT ${minute('accepted_at')} AS minute, editor, 1 AS accepted, 0 AS ended, 0 AS failed, 0 AS us FROM (${MOVES}) m UNION ALL
      SELECT ${minute('finished_at')}, editor, 0, 1, CASE state WHEN 'completed' THEN 0 ELSE 1 END, 0 FROM (${MOVES}) m
        WHERE state <> 'started' UNION ALL
      SELECT ${minute('ts')}, editor, 0, 0, 0, coalesce(floor(duration_ms * 1000 + 0.5), 0) FROM spark_blue.spark_function_calls
    ) one GROUP BY 1, 2`,
  rollup_lanes_hour: `SELECT date_trunc('hour', minute, 'UTC'), editor, sum(accepted)::bigint, sum(ended)::bigint
    FROM spark_blue.rollup_lanes_minute GROUP BY 1, 2 HAVING sum(accepted) + sum(ended) > 0`,
  rollup_operations_minute: `SELECT ${minute('ts')}, move ->> 'direction', move -> 'operation' ->> 'tool', count(*)
    FROM (SELECT ts, payload::jsonb AS payload FROM spark_blue.spark_events) e,
      jsonb_array_elements(coalesce(payload -> 'changes', jsonb_build_array(payload -> 'change'))) AS move
    WHERE payload ? 'change' OR payload ? 'changes' GROUP BY 1, 2, 3`,
  spark_editors: `SELECT e.editor, min(ts), max(ts), count(*), (SELECT count(*) FROM (${MOVES}) m WHERE m.editor = e.editor),
      ${['started', 'completed', 'failed', 'rejected', 'conflict', 'outcome_unknown', 'cancelled']
        .map(
          (state) => `(SELECT count(*) FROM (${MOVES}) m WHERE m.editor = e.editor AND m.state = '${state}')`,
        )
        .join(', ')}, max(seq)
    FROM (SELECT payload ->> 'editor' AS editor, ts, seq FROM spark_blue.spark_events) e GROUP BY 1`,
};

/** Rows that only one of the two has. */
async function differences(table: string, oracle: string): Promise<string[]> {
  const { rows } = await client.query<{ row: string }>(
    `(SELECT 'only counted: ' || t::text AS row FROM (TABLE spark_blue.${table} EXCEPT ALL (${oracle})) t) UNION ALL
     (SELECT 'only computed: ' || t::text FROM ((${oracle}) EXCEPT ALL TABLE spark_blue.${table}) t)`,
  );
  return rows.map(({ row }) => `${table}: ${row}`);
}

describe('any log, in which anything follows anything', () => {
  it('given any two ways to cut it into batches, then every read model is the same, row for row', async () => {
    await fc.assert(
      fc.asyncProperty(
        wildLog(MAX_EVENTS),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
        async (log, sizes) => {
          await project('blue', log, [log.length]);
          await project('green', log, sizes);
          expect(await rowsIn('green')).toEqual(await rowsIn('blue'));
        },
      ),
      RUNS,
    );
  });

  it('given a read model folded alone, with what its fold needs, then it is the same', async () => {
    const alone = READ_MODELS.map(({ table, needs }): TableName[] => [table, ...needs]);
    await fc.assert(
      fc.asyncProperty(wildLog(MAX_EVENTS), fc.integer({ min: 1, max: 30 }), async (log, size) => {
        await project('blue', log, [size]);
        const together = await rowsIn('blue');
        for (const tables of alone) {
          const [table = 'spark_events'] = tables;
          await project('green', log, [size], tables);
          expect([table, (await rowsIn('green'))[table]]).toEqual([table, together[table]]);
        }
      }),
      { numRuns: 3 },
    );
  });

  it('given any log, then the rollups say what the rows they were counted from say', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(wildLog(MAX_EVENTS), fc.integer({ min: 1, max: 30 }), async (log, size) => {
        await project('blue', log, [size]);
        for (const [table, oracle] of Object.entries(ORACLES))
          expect(await differences(table, oracle)).toEqual([]);
        for (const table of Object.keys(await rowsIn('blue'))) seen.add(table);
      }),
      RUNS,
    );
    const neverFilled = new Set<string>(['spark_images', 'projector_dead_letters']);
    expect(
      READ_MODELS.map(({ table }) => table).filter((table) => !seen.has(table) && !neverFilled.has(table)),
    ).toEqual([]);
  });
});

describe('spark_queue_depth', () => {
  /** Commands by what is known of each: the open ones of the log, and those that wait in the overlay. */
  const DEPTH = `WITH known AS (
      SELECT editor, accepted_at, CASE WHEN state <> 'started' THEN finished_at END AS ended_at FROM (${MOVES}) m UNION ALL
      SELECT editor, accepted_at, NULL FROM spark.accepted_overlay o
      WHERE NOT EXISTS (SELECT FROM spark_blue.command_states c WHERE c.command_id = o.command_id)
    ), minutes AS (
      SELECT editor, ${minute('accepted_at')} AS ts FROM known UNION SELECT editor, ${minute('ended_at')} FROM known WHERE ended_at IS NOT NULL
    )
    SELECT ts, editor,
      (SELECT count(*) FROM known k WHERE k.editor = m.editor AND k.accepted_at < m.ts + interval '1 minute'
         AND (k.ended_at IS NULL OR k.ended_at >= m.ts + interval '1 minute')) AS depth,
      (SELECT count(*) FROM known k WHERE k.editor = m.editor AND ${minute('k.accepted_at')} = m.ts) AS accepted,
      (SELECT count(*) FROM known k WHERE k.editor = m.editor AND ${minute('k.ended_at')} = m.ts) AS ended
    FROM minutes m`;
  const WAIT = `INSERT INTO spark.accepted_overlay (command_id, type, session_id, editor, accepted_at, actor, priority, payload_sha)
    SELECT command_id, 'unity.apply_patch', 's', editor, accepted_at, 'a', 5, 'x' FROM jsonb_to_recordset($1::jsonb)
      AS w(command_id uuid, editor text, accepted_at timestamptz)`;

  it('given any log and any commands that wait, then the depth at the end of every minute is what the commands say', async () => {
    const waits = fc.array(
      fc.record({ editor: fc.constantFrom('editor-0', 'editor-9'), agoMs: fc.nat(7_200_000) }),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(wildLog(MAX_EVENTS), waits, async (log, waiting) => {
        await project('blue', log, [7]);
        await client.query('DELETE FROM spark.accepted_overlay');
        const rows = waiting.map(({ editor, agoMs }, i) => ({
          editor,
          // the first of them has begun already, and was not swept yet
          command_id: i === 0 ? log[0]?.event.commandId : `00000000-0000-8000-8000-00000000000${i}`,
          accepted_at: new Date(STORY_BEGAN_MS - agoMs).toISOString(),
        }));
        await client.query(WAIT, [JSON.stringify(rows)]);
        const shown =
          'SELECT ts, editor, depth, accepted, ended FROM spark.spark_queue_depth WHERE accepted + ended > 0';
        const { rows: wrong } = await client.query(
          `((${shown}) EXCEPT ALL (${DEPTH})) UNION ALL ((${DEPTH}) EXCEPT ALL (${shown}))`,
        );
        expect(wrong).toEqual([]);
      }),
      RUNS,
    );
  });
});

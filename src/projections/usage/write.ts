import { jsonbText } from '../../postgres/jsonText.js';
import type { Queryable } from '../../postgres/transaction.js';
import type { TableName } from '../readModels.js';
import type { Tables } from '../slots/tables.js';
import type { UsageRow } from './rows.js';

/**
 * A usage is told beside a command, whose type and actor stand in its own row, written earlier in the same transaction. A command that
 * only begins after the usage is not looked at: whether it is known by now depends on the batch.
 */
const insertInto = (tables: Tables): string => `INSERT INTO ${tables.of('spark_usage')}
    (seq, ts, session_id, command_id, command_type, actor, model, input_tokens, output_tokens, cost_usd)
  SELECT usage.seq, to_timestamp(usage.ts_us / 1000000.0), usage.session_id, usage.command_id, command.type, command.actor,
    usage.model, usage.input_tokens, usage.output_tokens, usage.cost_usd
  FROM jsonb_to_recordset($1::jsonb) AS usage(seq bigint, ts_us numeric, session_id text, command_id uuid, model text,
    input_tokens bigint, output_tokens bigint, cost_usd numeric)
  LEFT JOIN ${tables.of('command_states')} command ON command.command_id = usage.command_id AND command.first_seq < usage.seq
  ORDER BY usage.seq`;

const SUMS = `input_tokens = r.input_tokens + excluded.input_tokens, output_tokens = r.output_tokens + excluded.output_tokens,
    cost_usd = r.cost_usd + excluded.cost_usd`;

/** The rows written, counted by hour, model and command type. */
const countedByType = (table: string): string => `INSERT INTO ${table} AS r
    (hour, model, command_type, reports, unpriced, input_tokens, output_tokens, cost_usd)
  SELECT hour, left(model, 200), coalesce(command_type, ''), count(*),
    count(*) FILTER (WHERE cost_usd IS NULL), sum(input_tokens), sum(output_tokens), coalesce(sum(cost_usd), 0)
  FROM written GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (hour, model, command_type) DO UPDATE SET
    reports = r.reports + excluded.reports, unpriced = r.unpriced + excluded.unpriced, ${SUMS}`;

/** The rows written, counted by session. */
const countedBySession = (table: string): string => `INSERT INTO ${table} AS r
    (session_id, first_hour, last_hour, reports, input_tokens, output_tokens, cost_usd)
  SELECT left(session_id, 200), min(hour), max(hour), count(*), sum(input_tokens), sum(output_tokens), coalesce(sum(cost_usd), 0)
  FROM written GROUP BY 1 ORDER BY 1
  ON CONFLICT (session_id) DO UPDATE SET
    first_hour = least(r.first_hour, excluded.first_hour), last_hour = greatest(r.last_hour, excluded.last_hour),
    reports = r.reports + excluded.reports, ${SUMS}`;

/** The rows written, counted by session and hour. */
const countedBySessionHour = (table: string): string => `INSERT INTO ${table} AS r
    (hour, session_id, reports, input_tokens, output_tokens, cost_usd)
  SELECT hour, left(session_id, 200), count(*), sum(input_tokens), sum(output_tokens), coalesce(sum(cost_usd), 0)
  FROM written GROUP BY 1, 2 ORDER BY 2, 1
  ON CONFLICT (session_id, hour) DO UPDATE SET reports = r.reports + excluded.reports, ${SUMS}`;

const COUNTS: readonly (readonly [table: TableName, sql: (table: string) => string])[] = [
  ['rollup_usage_hour', countedByType],
  ['rollup_usage_session', countedBySession],
  ['rollup_usage_session_hour', countedBySessionHour],
];

/** One statement: the rows, and what they add to the rollups there are. */
function usageSql(tables: Tables): string {
  const counts = COUNTS.filter(([table]) => tables.has(table)).map(([table, sql]) => sql(tables.of(table)));
  const last = counts.pop();
  if (last === undefined) return insertInto(tables);
  const others = counts.map((sql, i) => `, counted_${i} AS (${sql})`).join('');
  return `WITH written AS (
    ${insertInto(tables)}
    RETURNING date_bin('1 hour', ts, timestamptz 'epoch') AS hour, session_id, model, command_type, input_tokens, output_tokens, cost_usd
  )${others} ${last}`;
}

/** After the commands of the batch. */
export async function writeUsage(db: Queryable, tables: Tables, rows: readonly UsageRow[]): Promise<void> {
  if (rows.length === 0 || !tables.has('spark_usage')) return;
  const records = rows.map((row) => ({
    seq: row.seq,
    ts_us: Math.round(row.tsMs * 1_000),
    session_id: row.sessionId,
    command_id: row.commandId,
    model: row.model,
    input_tokens: row.inputTokens,
    output_tokens: row.outputTokens,
    cost_usd: row.costUsd,
  }));
  await db.query(usageSql(tables), [jsonbText(records)]);
}

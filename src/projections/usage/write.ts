import { jsonbText } from '../../postgres/jsonText.js';
import type { Queryable } from '../../postgres/transaction.js';
import type { UsageRow } from './rows.js';

/** A usage is told beside a command, whose type and actor stand in its own row, written earlier in the same transaction. */
const INSERT = `INSERT INTO spark.spark_usage
    (seq, ts, session_id, command_id, command_type, actor, model, input_tokens, output_tokens, cost_usd)
  SELECT usage.seq, to_timestamp(usage.ts_us / 1000000.0), usage.session_id, usage.command_id, command.type, command.actor,
    usage.model, usage.input_tokens, usage.output_tokens, usage.cost_usd
  FROM jsonb_to_recordset($1::jsonb) AS usage(seq bigint, ts_us numeric, session_id text, command_id uuid, model text,
    input_tokens bigint, output_tokens bigint, cost_usd numeric)
  LEFT JOIN spark.command_states command ON command.command_id = usage.command_id
  ORDER BY usage.seq`;

/** After the commands of the batch. */
export async function writeUsage(db: Queryable, rows: readonly UsageRow[]): Promise<void> {
  if (rows.length === 0) return;
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
  await db.query(INSERT, [jsonbText(records)]);
}

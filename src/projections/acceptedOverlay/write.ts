import type pg from 'pg';
import { jsonbText } from '../../postgres/jsonText.js';
import type { AcceptedCommand } from '../ports.js';
import { liveTables } from '../slots/liveTables.js';
import { slotStatement } from '../slots/statement.js';

/**
 * Both ask the live table by its name, which may have ceased to be the live one a moment ago: a row too many is hidden by the view, and
 * swept away the next time.
 */
const insert = slotStatement(
  'insert-accepted',
  ['command_states'],
  (tables) => `
  INSERT INTO spark.accepted_overlay (command_id, type, session_id, editor, accepted_at, idempotency_key, actor,
    correlation_id, causation_id, priority, deadline, payload_sha)
  SELECT command_id, type, session_id, editor, accepted_at, idempotency_key, actor,
    correlation_id, causation_id, priority, deadline, payload_sha
  FROM json_to_recordset($1::json) AS accepted(command_id uuid, type text, session_id text, editor text,
    accepted_at timestamptz, idempotency_key text, actor text, correlation_id text, causation_id text,
    priority smallint, deadline timestamptz, payload_sha text)
  WHERE NOT EXISTS (SELECT FROM ${tables.of('command_states')} known WHERE known.command_id = accepted.command_id)
  ORDER BY command_id
  ON CONFLICT (command_id) DO NOTHING`,
);

const sweep = slotStatement(
  'sweep-accepted',
  ['command_states'],
  (tables) => `DELETE FROM spark.accepted_overlay waiting USING ${tables.of('command_states')} known
  WHERE known.command_id = waiting.command_id`,
);

/** Makes rows of those commands that still have no event. Answers how many. */
export async function insertAccepted(pool: pg.Pool, commands: readonly AcceptedCommand[]): Promise<number> {
  const rows = commands.map((command) => ({
    command_id: command.commandId,
    type: command.type,
    session_id: command.sessionId,
    editor: command.editor,
    accepted_at: command.acceptedAt,
    idempotency_key: command.idempotencyKey,
    actor: command.actor,
    correlation_id: command.correlationId,
    causation_id: command.causationId,
    priority: command.priority,
    deadline: Number.isNaN(Date.parse(command.deadline ?? '')) ? null : command.deadline,
    payload_sha: command.payloadSha,
  }));
  const { rowCount } = await pool.query({ ...insert(await liveTables(pool)), values: [jsonbText(rows)] });
  return rowCount ?? 0;
}

/** Removes rows whose command has an event by now (the view hides them already). Answers how many are left. */
export async function sweepAccepted(pool: pg.Pool): Promise<number> {
  await pool.query(sweep(await liveTables(pool)));
  const { rows } = await pool.query<{ left: number }>(
    'SELECT count(*)::int AS left FROM spark.accepted_overlay',
  );
  return rows[0]?.left ?? 0;
}

import { jsonbText } from '../../postgres/jsonText.js';
import type { Queryable } from '../../postgres/transaction.js';
import type { AcceptedCommand } from '../ports.js';

const INSERT = `
  INSERT INTO spark.accepted_overlay (command_id, type, session_id, editor, accepted_at, idempotency_key, actor,
    correlation_id, causation_id, priority, deadline, payload_sha)
  SELECT command_id, type, session_id, editor, accepted_at, idempotency_key, actor,
    correlation_id, causation_id, priority, deadline, payload_sha
  FROM json_to_recordset($1::json) AS accepted(command_id uuid, type text, session_id text, editor text,
    accepted_at timestamptz, idempotency_key text, actor text, correlation_id text, causation_id text,
    priority smallint, deadline timestamptz, payload_sha text)
  WHERE NOT EXISTS (SELECT FROM spark.command_states known WHERE known.command_id = accepted.command_id)
  ORDER BY command_id
  ON CONFLICT (command_id) DO NOTHING`;

/** Makes rows of those commands that still have no event. Answers how many. */
export async function insertAccepted(db: Queryable, commands: readonly AcceptedCommand[]): Promise<number> {
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
  return (await db.query(INSERT, [jsonbText(rows)])).rowCount ?? 0;
}

/** Removes rows whose command has an event by now (the view hides them already). Answers how many are left. */
export async function sweepAccepted(db: Queryable): Promise<number> {
  await db.query(
    `DELETE FROM spark.accepted_overlay waiting USING spark.command_states known
     WHERE known.command_id = waiting.command_id`,
  );
  const { rows } = await db.query<{ left: number }>(
    'SELECT count(*)::int AS left FROM spark.accepted_overlay',
  );
  return rows[0]?.left ?? 0;
}

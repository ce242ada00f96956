import type pg from 'pg';
import type { CommandState } from '../../events/outcome.js';
import type { CopyBuffer } from '../../postgres/copyBuffer.js';
import { copyInto } from '../../postgres/copyInto.js';
import { jsonbText } from '../../postgres/jsonText.js';
import type { CommandChange } from './fold.js';

const COLUMNS = [
  'command_id',
  'type',
  'session_id',
  'editor',
  'state',
  'attempts',
  'accepted_at',
  'started_at',
  'finished_at',
  'idempotency_key',
  'actor',
  'correlation_id',
  'causation_id',
  'priority',
  'deadline',
  'payload_sha',
  'error_code',
  'error',
  'result',
  'first_seq',
  'last_seq',
] as const;

export const COMMAND_STAGE = 'stage_commands';
/** Emptied at every commit; lives as long as the projector's connection. */
export const CREATE_COMMAND_STAGE = `CREATE TEMPORARY TABLE ${COMMAND_STAGE}
  (LIKE spark.command_states) ON COMMIT DELETE ROWS`;

/** How many commands of a session went from one state to another; `before` null: they are new. */
export interface StateMove {
  readonly sessionId: string;
  readonly before: CommandState | null;
  readonly after: CommandState;
  readonly count: number;
}

/** From the first event that repeats the envelope; `actor` is always in it. */
const OF_ENVELOPE = [
  'type',
  'accepted_at',
  'idempotency_key',
  'actor',
  'correlation_id',
  'causation_id',
  'priority',
  'deadline',
  'payload_sha',
];

/** What was learned first stays (envelope, start); what the last event says replaces; a terminal row is never touched. */
const MERGE = `
  WITH known AS MATERIALIZED (
    SELECT staged.command_id, (SELECT c.state FROM spark.command_states c WHERE c.command_id = staged.command_id) AS state
    FROM ${COMMAND_STAGE} staged
  ), written AS (
    INSERT INTO spark.command_states AS c (${COLUMNS.join(', ')})
    SELECT ${COLUMNS.join(', ')} FROM ${COMMAND_STAGE} ORDER BY command_id
    ON CONFLICT (command_id) DO UPDATE SET
      state = excluded.state,
      attempts = greatest(c.attempts, excluded.attempts),
      started_at = coalesce(c.started_at, excluded.started_at),
      finished_at = excluded.finished_at,
      ${OF_ENVELOPE.map((name) => `${name} = CASE WHEN c.actor IS NULL THEN excluded.${name} ELSE c.${name} END`).join(',\n      ')},
      error_code = excluded.error_code,
      error = excluded.error,
      result = excluded.result,
      last_seq = excluded.last_seq
    WHERE c.state = 'started' AND c.last_seq < excluded.last_seq
    RETURNING c.command_id, c.session_id, c.state
  )
  SELECT w.session_id AS "sessionId", k.state AS before, w.state AS after, count(*)::int AS count
  FROM written w JOIN known k USING (command_id) GROUP BY 1, 2, 3`;

export function encodeCommandChange(out: CopyBuffer, change: CommandChange): void {
  const envelope = change.envelope;
  out.row(COLUMNS.length);
  out.uuid(change.commandId);
  out.text(change.type);
  out.text(change.sessionId);
  out.text(change.editor);
  out.text(change.state);
  out.int4(change.attempts);
  out.timestamptz(timeOf(envelope?.acceptedAt));
  out.timestamptz(change.startedAtMs);
  out.timestamptz(change.finishedAtMs);
  out.text(envelope?.idempotencyKey ?? null);
  out.text(envelope?.actor ?? null);
  out.text(envelope?.correlationId ?? null);
  out.text(envelope?.causationId ?? null);
  if (envelope === null) out.null();
  else out.int2(envelope.priority);
  out.timestamptz(timeOf(envelope?.deadline));
  out.text(envelope?.payloadSha ?? null);
  out.text(change.error?.code ?? null);
  out.jsonb(change.error === null ? null : jsonbText(change.error));
  out.jsonb(change.result === null ? null : jsonbText(change.result));
  out.int8(change.firstSeq);
  out.int8(change.lastSeq);
}

export interface WrittenCommands {
  readonly moves: readonly StateMove[];
  /** Commands that had ended before: their rows are as they were. */
  readonly untouched: ReadonlySet<string>;
}

/** Merges the batch's commands into the table; answers how their states moved. */
export async function writeCommands(client: pg.ClientBase, staged: CopyBuffer): Promise<WrittenCommands> {
  if (staged.rows === 0) return { moves: [], untouched: new Set() };
  await copyInto(client, COMMAND_STAGE, COLUMNS, staged);
  const { rows: moves } = await client.query<StateMove>({ name: 'merge-commands', text: MERGE });
  const written = moves.reduce((sum, move) => sum + move.count, 0);
  return { moves, untouched: written === staged.rows ? new Set() : await untouchedCommands(client) };
}

/** Only asked when the merge wrote fewer rows than were staged. */
async function untouchedCommands(client: pg.ClientBase): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ command_id: string }>(
    `SELECT command_id FROM ${COMMAND_STAGE} staged JOIN spark.command_states known USING (command_id)
     WHERE known.last_seq <> staged.last_seq`,
  );
  return new Set(rows.map((row) => row.command_id));
}

/** Of these commands, those that have started, by what is in the table. */
export async function startedAmong(
  client: pg.ClientBase,
  commandIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (commandIds.length === 0) return new Set();
  const { rows } = await client.query<{ command_id: string }>(
    'SELECT command_id FROM spark.command_states WHERE command_id = ANY($1::uuid[]) AND started_at IS NOT NULL',
    [commandIds],
  );
  return new Set(rows.map((row) => row.command_id));
}

/** An ISO time of a client or a worker; null when it is none. */
function timeOf(iso: string | null | undefined): number | null {
  if (iso === null || iso === undefined) return null;
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? null : ms;
}

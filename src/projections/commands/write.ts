import type pg from 'pg';
import type { TextPieces } from '../../events/eventText.js';
import type { CommandState } from '../../events/outcome.js';
import type { CopyBuffer } from '../../postgres/copyBuffer.js';
import { copyInto } from '../../postgres/copyInto.js';
import { jsonbText } from '../../postgres/jsonText.js';
import { LAYOUT_SCHEMA } from '../slots/slot.js';
import { slotStatement } from '../slots/statement.js';
import type { Tables } from '../slots/tables.js';
import { type CommandChange, type CommandOutline, timeOf } from './fold.js';
import { movesOfNew } from './newMoves.js';

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
  'path',
] as const;

export const COMMAND_STAGE = 'stage_commands';
/** Emptied at every commit; lives as long as the projector's connection. */
export const CREATE_COMMAND_STAGE = `CREATE TEMPORARY TABLE ${COMMAND_STAGE}
  (LIKE ${LAYOUT_SCHEMA}.command_states) ON COMMIT DELETE ROWS`;

/** How many commands of a session and an editor went from one state to another; `before` null: they are new. */
export interface StateMove {
  readonly sessionId: string;
  readonly editor: string;
  readonly before: CommandState | null;
  readonly after: CommandState;
  /** Epoch seconds of the minute they were accepted in, as far as their first event tells, else of that event; null: not new. */
  readonly acceptedMinuteS: number | null;
  /** … of the minute they ended in; null: they have not. */
  readonly endedMinuteS: number | null;
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
  'path',
];

const minuteOf = (time: string): string => `date_bin('1 minute', ${time}, timestamptz 'epoch')`;

/** What was learned first stays (envelope, start); what the last event says replaces; a terminal row is never touched. */
const mergeInto = (commandStates: string): string => `
  WITH known AS MATERIALIZED (
    SELECT staged.command_id, (SELECT c.state FROM ${commandStates} c WHERE c.command_id = staged.command_id) AS state
    FROM ${COMMAND_STAGE} staged
  ), written AS (
    INSERT INTO ${commandStates} AS c (${COLUMNS.join(', ')})
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
    RETURNING c.command_id, c.session_id, c.editor, c.state, c.accepted_at, c.started_at, c.finished_at
  ), moved AS (
    SELECT w.session_id, w.editor, k.state AS before, w.state AS after,
      CASE WHEN k.state IS NULL THEN ${minuteOf('coalesce(w.accepted_at, w.started_at, w.finished_at)')} END AS accepted,
      CASE WHEN w.state <> 'started' THEN ${minuteOf('w.finished_at')} END AS ended,
      count(*)::int AS count
    FROM written w JOIN known k USING (command_id) GROUP BY 1, 2, 3, 4, 5, 6
  )
  SELECT session_id AS "sessionId", editor, before, after, extract(epoch FROM accepted)::float8 AS "acceptedMinuteS",
    extract(epoch FROM ended)::float8 AS "endedMinuteS", count FROM moved`;

const merge = slotStatement('merge-commands', ['command_states'], (tables) =>
  mergeInto(tables.of('command_states')),
);

export function encodeCommandChange(out: CopyBuffer, change: CommandChange): void {
  const envelope = change.envelope;
  out.row(COLUMNS.length);
  out.uuid(change.commandId);
  out.text(change.type);
  out.text(change.sessionId);
  out.text(change.editor);
  out.text(change.state);
  out.int4(change.attempts);
  out.timestamptz(change.acceptedAtMs);
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
  encodeJson(out, change.error, change.error === null ? null : change.said);
  encodeJson(out, change.result, change.error === null ? change.said : null);
  out.int8(change.firstSeq);
  out.int8(change.lastSeq);
  out.text(change.path);
}

/** As its event's text has it where that is known, else written anew. */
function encodeJson(out: CopyBuffer, value: unknown, said: TextPieces | null): void {
  if (said !== null) out.jsonbValue(said);
  else out.jsonb(value === null ? null : jsonbText(value));
}

export interface WrittenCommands {
  readonly moves: readonly StateMove[];
  /** Commands that had ended before: their rows are as they were. */
  readonly untouched: ReadonlySet<string>;
}

const knownAmong = slotStatement(
  'known-commands',
  ['command_states'],
  (tables) => `SELECT command_id FROM ${tables.of('command_states')} WHERE command_id = ANY($1::uuid[])`,
);

/**
 * Takes the batch's commands into the table; answers how their states moved. `staged` are the rows of `changes`, in their order. Most
 * commands begin and end within a batch, and COPY takes those that no row knows directly: looking for the known ones first and merging
 * only them is much less work than merging all. Nobody else writes meanwhile: the transaction holds its checkpoint's row.
 */
export async function writeCommands(
  client: pg.ClientBase,
  tables: Tables,
  staged: CopyBuffer,
  changes: readonly CommandOutline[],
): Promise<WrittenCommands> {
  if (staged.rows === 0 || !tables.has('command_states')) return { moves: [], untouched: new Set() };
  const ids = changes.map(({ commandId }) => commandId.toLowerCase());
  const { rows } = await client.query<{ command_id: string }>({
    ...knownAmong(tables),
    values: [`{${ids.join(',')}}`],
  });
  const known = new Set(rows.map((row) => row.command_id));
  const isKnown = (row: number): boolean => known.has(ids[row] ?? '');
  const [old, fresh] = known.size === 0 ? [undefined, staged] : staged.split(isKnown);
  await copyInto(client, tables.of('command_states'), COLUMNS, fresh);
  const moves = movesOfNew(known.size === 0 ? changes : changes.filter((_, row) => !isKnown(row)));
  if (old === undefined) return { moves, untouched: new Set() };
  const merged = await mergeKnown(client, tables, old);
  return { moves: [...moves, ...merged.moves], untouched: merged.untouched };
}

async function mergeKnown(
  client: pg.ClientBase,
  tables: Tables,
  staged: CopyBuffer,
): Promise<WrittenCommands> {
  await copyInto(client, COMMAND_STAGE, COLUMNS, staged);
  const { rows: moves } = await client.query<StateMove>(merge(tables));
  const written = moves.reduce((sum, move) => sum + move.count, 0);
  return { moves, untouched: written === staged.rows ? new Set() : await untouchedCommands(client, tables) };
}

/** Only asked when the merge wrote fewer rows than were staged. */
async function untouchedCommands(client: pg.ClientBase, tables: Tables): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ command_id: string }>(
    `SELECT command_id FROM ${COMMAND_STAGE} staged JOIN ${tables.of('command_states')} known USING (command_id)
     WHERE known.last_seq <> staged.last_seq`,
  );
  return new Set(rows.map((row) => row.command_id));
}

/** Of these commands, those that have started, by what is in the table. */
export async function startedAmong(
  client: pg.ClientBase,
  tables: Tables,
  commandIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (commandIds.length === 0) return new Set();
  const { rows } = await client.query<{ command_id: string }>(
    `SELECT command_id FROM ${tables.of('command_states')} WHERE command_id = ANY($1::uuid[]) AND started_at IS NOT NULL`,
    [commandIds],
  );
  return new Set(rows.map((row) => row.command_id));
}

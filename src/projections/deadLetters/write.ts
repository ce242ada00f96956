import { jsonbText } from '../../postgres/jsonText.js';
import type { Queryable } from '../../postgres/transaction.js';
import type { DeadLetter } from '../ports.js';
import type { Tables } from '../slots/tables.js';
import { lockDeadLetters, refreshLetterStates } from './actions.js';
import { typeOfLetter } from './typeOf.js';

/** What of the log could not be projected: an event that a fold or Postgres refused, or a message that is no log message. */
export interface ProjectorDeadLetter {
  readonly seq: number;
  readonly tsMs: number;
  readonly reason: 'poison_event' | 'unreadable_event';
  readonly lastError: string;
  readonly body: string;
  readonly sessionId: string | null;
  readonly editor: string | null;
  readonly commandId: string | null;
}

const COLUMNS = [
  ['source', 'text'],
  ['id', 'bigint'],
  ['ts', 'timestamptz'],
  ['reason', 'text'],
  ['attempts', 'int'],
  ['last_error', 'text'],
  ['original_subject', 'text'],
  ['session_id', 'text'],
  ['editor', 'text'],
  ['command_id', 'text'],
  ['headers', 'jsonb'],
  ['body', 'text'],
  ['body_encoding', 'text'],
  ['body_truncated', 'boolean'],
  ['stream_seq', 'bigint'],
  ['stream_index', 'int'],
  ['stream_mark', 'text'],
  ['type', 'text'],
] as const;
const NAMES = COLUMNS.map(([name]) => name).join(', ');

/** The same letter read again, or the same place told again (a worker that died before it knew that its letter was stored): the first counts. */
const INSERT = `INSERT INTO spark.stream_dead_letters (${NAMES})
  SELECT ${NAMES} FROM jsonb_to_recordset($1::jsonb) AS letters(${COLUMNS.map((column) => column.join(' ')).join(', ')})
  ORDER BY source, id
  ON CONFLICT DO NOTHING`;

/** A body longer than this is kept in the stream only. */
const BODY_MAX_CHARS = 64 * 1_024;
/** Error texts of Postgres may repeat the value they complain of. */
const ERROR_MAX_CHARS = 2_000;

const insertOwn = (table: string): string => `INSERT INTO ${table}
    (seq, ts, reason, last_error, session_id, editor, command_id, body, body_truncated)
  SELECT seq, ts, reason, last_error, session_id, editor, command_id, body, body_truncated
  FROM jsonb_to_recordset($1::jsonb) AS letters(seq bigint, ts timestamptz, reason text, last_error text, session_id text,
    editor text, command_id text, body text, body_truncated boolean)
  ORDER BY seq
  ON CONFLICT (seq) DO NOTHING`;

/** Rows of `spark_dead_letters` with `source = 'projector'`: a fold of the log like any other. */
export async function writeProjectorDeadLetters(
  db: Queryable,
  tables: Tables,
  letters: readonly ProjectorDeadLetter[],
): Promise<void> {
  if (letters.length === 0 || !tables.has('projector_dead_letters')) return;
  const rows = letters.map((letter) => ({
    seq: letter.seq,
    ts: new Date(letter.tsMs).toISOString(),
    reason: letter.reason,
    last_error: letter.lastError.slice(0, ERROR_MAX_CHARS),
    session_id: letter.sessionId,
    editor: letter.editor,
    command_id: letter.commandId,
    body: letter.body.slice(0, BODY_MAX_CHARS),
    body_truncated: letter.body.length > BODY_MAX_CHARS,
  }));
  await db.query(insertOwn(tables.of('projector_dead_letters')), [jsonbText(rows)]);
}

export interface StreamDeadLetter {
  readonly streamSeq: number;
  readonly tsMs: number;
  readonly letter: DeadLetter;
}

/** Rows of `source = 'stream'`. */
export async function writeStreamDeadLetters(
  db: Queryable,
  letters: readonly StreamDeadLetter[],
): Promise<void> {
  const rows = letters.map(({ streamSeq, tsMs, letter }) => ({
    source: 'stream',
    id: streamSeq,
    ts: new Date(tsMs).toISOString(),
    reason: letter.reason,
    attempts: letter.attempts,
    last_error: letter.lastError,
    original_subject: letter.originalSubject,
    session_id: letter.sessionId,
    editor: letter.editor,
    command_id: letter.commandId,
    headers: letter.headers,
    body: letter.body,
    body_encoding: letter.bodyEncoding,
    body_truncated: letter.bodyTruncated,
    stream_seq: letter.stream.seq,
    stream_index: letter.stream.index,
    stream_mark: letter.stream.mark ?? null,
    type: typeOfLetter(letter),
  }));
  if (rows.length === 0) return;
  await lockDeadLetters(db);
  await db.query(INSERT, [jsonbText(rows)]);
  await refreshLetterStates(
    db,
    letters.map(({ streamSeq }) => streamSeq),
  );
}

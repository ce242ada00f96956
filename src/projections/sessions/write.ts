import type pg from 'pg';
import { slotStatement } from '../slots/statement.js';
import type { Tables } from '../slots/tables.js';
import { COUNTED_STATES, type SessionRow } from './fold.js';

const COUNTS = ['events', 'commands', ...COUNTED_STATES];

const add = slotStatement(
  'add-sessions',
  ['spark_sessions'],
  (tables) => `
  INSERT INTO ${tables.of('spark_sessions')} AS s
    (session_id, first_seen, last_seen, editors, editor_count, last_seq, ${COUNTS.join(', ')})
  SELECT session_id, first_seen, last_seen, editors, cardinality(editors), last_seq, ${COUNTS.join(', ')}
  FROM json_to_recordset($1::json) AS added(
    session_id text, first_seen timestamptz, last_seen timestamptz, editors text[], last_seq bigint,
    ${COUNTS.map((name) => `${name} bigint`).join(', ')})
  ON CONFLICT (session_id) DO UPDATE SET
    first_seen = least(s.first_seen, excluded.first_seen),
    last_seen = greatest(s.last_seen, excluded.last_seen),
    last_seq = excluded.last_seq,
    (editors, editor_count) = (
      SELECT all_of.editors, cardinality(all_of.editors) FROM (
        SELECT CASE WHEN s.editors @> excluded.editors THEN s.editors ELSE ARRAY(
          SELECT DISTINCT editor COLLATE "C" FROM unnest(s.editors || excluded.editors) AS both_of(editor) ORDER BY 1
        ) END AS editors
      ) all_of
    ),
    ${COUNTS.map((name) => `${name} = s.${name} + excluded.${name}`).join(', ')}
  WHERE s.last_seq < excluded.last_seq`,
);

/** Adds a batch's counts to the sessions: once, since it shares its transaction with the checkpoint. */
export async function writeSessions(
  client: pg.ClientBase,
  tables: Tables,
  rows: readonly SessionRow[],
): Promise<void> {
  if (rows.length === 0 || !tables.has('spark_sessions')) return;
  await client.query({ ...add(tables), values: [JSON.stringify(rows)] });
}

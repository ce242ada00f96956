import type pg from 'pg';
import { jsonbText } from '../../postgres/jsonText.js';
import { COUNTED_STATES } from '../sessions/fold.js';
import { slotStatement } from '../slots/statement.js';
import type { Tables } from '../slots/tables.js';
import type { EditorRow } from './fold.js';

const COUNTS = ['events', 'commands', ...COUNTED_STATES];

/** Exact: neither factor nor product has more than 53 bits. */
const timeOf = (micros: string): string =>
  `timestamptz '2000-01-01 00:00:00+00' + ${micros} * interval '1 microsecond'`;

/** An editor without an event in this batch has a row already: the infinities are never stored. */
const add = slotStatement(
  'add-editors',
  ['spark_editors'],
  (tables) => `
  INSERT INTO ${tables.of('spark_editors')} AS e (editor, first_seen, last_seen, last_seq, ${COUNTS.join(', ')})
  SELECT editor, coalesce(${timeOf('first_seen')}, 'infinity'), coalesce(${timeOf('last_seen')}, '-infinity'), last_seq,
    ${COUNTS.join(', ')}
  FROM json_to_recordset($1::json) AS added(editor text, first_seen bigint, last_seen bigint, last_seq bigint,
    ${COUNTS.map((name) => `${name} bigint`).join(', ')})
  ORDER BY editor
  ON CONFLICT (editor) DO UPDATE SET
    first_seen = least(e.first_seen, excluded.first_seen),
    last_seen = greatest(e.last_seen, excluded.last_seen),
    last_seq = greatest(e.last_seq, excluded.last_seq),
    ${COUNTS.map((name) => `${name} = e.${name} + excluded.${name}`).join(', ')}`,
);

/** Adds a batch's counts to the editors: once, since it shares its transaction with the checkpoint. */
export async function writeEditors(
  client: pg.ClientBase,
  tables: Tables,
  rows: readonly EditorRow[],
): Promise<void> {
  if (rows.length === 0 || !tables.has('spark_editors')) return;
  await client.query({ ...add(tables), values: [jsonbText(rows)] });
}

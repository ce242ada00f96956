import type pg from 'pg';
import type { FileImage } from '../../events/event.js';
import type { CopyBuffer } from '../../postgres/copyBuffer.js';
import { copyInto } from '../../postgres/copyInto.js';
import { LAYOUT_SCHEMA } from '../slots/slot.js';
import { slotStatement } from '../slots/statement.js';
import type { Tables } from '../slots/tables.js';
import type { OperationChange } from './fold.js';

const COLUMNS = [
  'operation_id',
  'unit_id',
  'ordinal',
  'seq',
  'ts',
  'command_id',
  'session_id',
  'editor',
  'path',
  'tool',
  'state',
  'before_sha256',
  'after_sha256',
  'before_bytes',
  'after_bytes',
  'before_meta_sha256',
  'after_meta_sha256',
  'before_meta_bytes',
  'after_meta_bytes',
  'before_guid',
  'after_guid',
  'state_command_id',
  'state_ts',
  'last_seq',
] as const;

const STAGE = 'stage_operations';
/** A plain copy of the columns: a change without its making has no path. */
export const CREATE_OPERATION_STAGE = `CREATE TEMPORARY TABLE ${STAGE} ON COMMIT DELETE ROWS
  AS SELECT ${COLUMNS.join(', ')} FROM ${LAYOUT_SCHEMA}.spark_operations WITH NO DATA`;

const insertMade = slotStatement(
  'insert-operations',
  ['spark_operations'],
  (tables) => `
  INSERT INTO ${tables.of('spark_operations')} AS o (${COLUMNS.join(', ')})
  SELECT ${COLUMNS.join(', ')} FROM ${STAGE} WHERE path IS NOT NULL ORDER BY operation_id
  ON CONFLICT (operation_id) DO UPDATE SET
    state = excluded.state, state_command_id = excluded.state_command_id, state_ts = excluded.state_ts, last_seq = excluded.last_seq
  WHERE o.last_seq < excluded.last_seq`,
);

const moveKnown = slotStatement(
  'move-operations',
  ['spark_operations'],
  (tables) => `
  UPDATE ${tables.of('spark_operations')} o
  SET state = s.state, state_command_id = s.state_command_id, state_ts = s.state_ts, last_seq = s.last_seq
  FROM ${STAGE} s
  WHERE s.path IS NULL AND o.operation_id = s.operation_id AND o.last_seq < s.last_seq`,
);

export function encodeOperationChange(out: CopyBuffer, change: OperationChange): void {
  const { made } = change;
  const { before = null, after = null } = made?.record ?? {};
  out.row(COLUMNS.length);
  out.uuid(change.operationId);
  if (made === null) {
    for (let i = 0; i < 9; i++) out.null();
  } else {
    out.uuid(made.record.unitId ?? null);
    out.int4(made.ordinal);
    out.int8(made.seq);
    out.timestamptz(made.tsMs);
    out.uuid(made.commandId);
    out.text(made.sessionId);
    out.text(made.record.editor);
    out.text(made.record.path);
    out.text(made.record.tool);
  }
  out.text(change.state);
  for (const of of [shaOf, bytesOf, metaShaOf, metaBytesOf, guidOf]) {
    of(out, before);
    of(out, after);
  }
  out.uuid(change.stateCommandId);
  out.timestamptz(change.stateTsMs);
  out.int8(change.lastSeq);
}

const shaOf = (out: CopyBuffer, image: FileImage | null): void => out.text(image?.sha256 ?? null);
const bytesOf = (out: CopyBuffer, image: FileImage | null): void => out.int4(image?.bytes ?? null);
const metaShaOf = (out: CopyBuffer, image: FileImage | null): void => out.text(image?.meta?.sha256 ?? null);
const metaBytesOf = (out: CopyBuffer, image: FileImage | null): void => out.int4(image?.meta?.bytes ?? null);
const guidOf = (out: CopyBuffer, image: FileImage | null): void => out.text(image?.meta?.guid ?? null);

const knownAmong = slotStatement(
  'known-operations',
  ['spark_operations'],
  (tables) =>
    `SELECT operation_id FROM ${tables.of('spark_operations')} WHERE operation_id = ANY($1::uuid[])`,
);

/**
 * Inserts the batch's new operations and moves the state of known ones. `staged` are the rows of `changes`, in their order. As with the
 * commands, COPY takes those directly that this batch makes and no row knows: nearly all.
 */
export async function writeOperations(
  client: pg.ClientBase,
  tables: Tables,
  staged: CopyBuffer,
  changes: readonly OperationChange[],
): Promise<void> {
  if (staged.rows === 0 || !tables.has('spark_operations')) return;
  const ids = changes.map(({ operationId }) => operationId.toLowerCase());
  const made = ids.filter((_, row) => changes[row]?.made != null);
  const { rows } = await client.query<{ operation_id: string }>({
    ...knownAmong(tables),
    values: [`{${made.join(',')}}`],
  });
  const known = new Set(rows.map((row) => row.operation_id));
  const isNew = (row: number): boolean => changes[row]?.made != null && !known.has(ids[row] ?? '');
  const [fresh, others] = staged.split(isNew);
  await copyInto(client, tables.of('spark_operations'), COLUMNS, fresh);
  if (others.rows === 0) return;
  await copyInto(client, STAGE, COLUMNS, others);
  await client.query(insertMade(tables));
  await client.query(moveKnown(tables));
}

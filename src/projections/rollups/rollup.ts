import type pg from 'pg';
import { jsonbText } from '../../postgres/jsonText.js';
import type { TableName } from '../readModels.js';
import { type Statement, slotStatement } from '../slots/statement.js';
import type { Tables } from '../slots/tables.js';
import type { Tally } from './tally.js';

/** Types a key may have; `time` is epoch seconds here and timestamptz there. */
type KeyType = 'time' | 'text' | 'boolean' | 'smallint';

/** One table of counts: what it counts by, what it adds up, and of what it keeps the largest. */
interface RollupLayout {
  readonly table: TableName;
  readonly keys: readonly (readonly [column: string, type: KeyType])[];
  /** Whole numbers, in the order a tally adds them. */
  readonly sums: readonly string[];
  /** The tally's `max`. */
  readonly max?: string;
}

export interface Rollup extends RollupLayout {
  /** Adds JSON records (`$1`). */
  readonly add: (tables: Tables) => Statement;
}

export function defineRollup(layout: RollupLayout): Rollup {
  const { table } = layout;
  return {
    ...layout,
    add: slotStatement(`add-${table}`, [table], (tables) => addSql(layout, tables.of(table))),
  };
}

/**
 * Adds a batch's counts to a rollup, keys in order so that no two writers can lock crosswise: once, since it shares its transaction with
 * the checkpoint.
 */
export async function addToRollup(
  client: pg.ClientBase,
  tables: Tables,
  rollup: Rollup,
  tally: Tally,
): Promise<void> {
  if (tally.size === 0 || !tables.has(rollup.table)) return;
  await client.query({ ...rollup.add(tables), values: [recordsOf(rollup, tally)] });
}

function addSql({ keys, sums, max }: RollupLayout, table: string): string {
  const maxima = max === undefined ? [] : [max];
  const names = [...keys.map(([name]) => name), ...sums, ...maxima].join(', ');
  const selected = [
    ...keys.map(([name, type]) => (type === 'time' ? `to_timestamp(${name})` : name)),
    ...sums,
    ...maxima,
  ].join(', ');
  const typed = [
    ...keys.map(([name, type]) => `${name} ${type === 'time' ? 'float8' : type}`),
    ...[...sums, ...maxima].map((name) => `${name} bigint`),
  ].join(', ');
  const changes = [
    ...sums.map((name) => `${name} = r.${name} + excluded.${name}`),
    ...maxima.map((name) => `${name} = greatest(r.${name}, excluded.${name})`),
  ].join(', ');
  const keyNames = keys.map(([name]) => name).join(', ');
  return `INSERT INTO ${table} AS r (${names})
    SELECT ${selected} FROM json_to_recordset($1::json) AS added(${typed}) ORDER BY ${keyNames}
    ON CONFLICT (${keyNames}) DO UPDATE SET ${changes}`;
}

function recordsOf({ keys, sums, max }: RollupLayout, tally: Tally): string {
  const records: Record<string, unknown>[] = [];
  for (const row of tally.rows()) {
    const record: Record<string, unknown> = {};
    for (const [i, [name]] of keys.entries()) record[name] = row.key[i];
    for (const [i, name] of sums.entries()) record[name] = row.sums[i];
    if (max !== undefined) record[max] = row.max;
    records.push(record);
  }
  return jsonbText(records);
}

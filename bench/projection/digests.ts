import type { TableDigest } from '../../src/projections/digest.js';

export class DigestsDifferError extends Error {}

/** Throws when two sets of read models are not equal, row for row. */
export function demandEqual(what: string, left: readonly TableDigest[], right: readonly TableDigest[]): void {
  const byTable = new Map(right.map((one) => [one.table, one]));
  const different = left.filter(({ table, rows, digest }) => {
    const other = byTable.get(table);
    return other === undefined || other.rows !== rows || other.digest !== digest;
  });
  if (left.length === right.length && different.length === 0) return;
  const told = different.map(
    ({ table, rows }) => `${table} (${rows} and ${byTable.get(table)?.rows ?? 'no'} rows)`,
  );
  throw new DigestsDifferError(`${what}: not the same in ${told.join(', ') || 'the number of tables'}`);
}

import type { TableDump } from '../evidence.js';
import type { InvariantId, Violation } from '../violation.js';

/** Differences of one table that are told; the rest is counted. */
const TOLD = 5;

export interface NamedDumps {
  readonly name: string;
  readonly tables: readonly TableDump[];
}

/** What differs between two dumps, one violation a table: rows that only one has, rows that are not the same. */
export function dumpDifferences(invariant: InvariantId, wanted: NamedDumps, found: NamedDumps): Violation[] {
  const byName = new Map(found.tables.map((dump) => [dump.table, dump]));
  return wanted.tables.flatMap(({ table, rows }) => {
    const other = byName.get(table)?.rows ?? new Map<string, readonly string[]>();
    const missing = [...rows.keys()].filter((key) => !other.has(key));
    const extra = [...other.keys()].filter((key) => !rows.has(key));
    const different = [...rows].flatMap(([key, digests]) => {
      const there = other.get(key);
      return there !== undefined && there.join() !== digests.join() ? [key] : [];
    });
    const count = missing.length + extra.length + different.length;
    if (count === 0) return [];
    const tell = (keys: readonly string[]) => ({ count: keys.length, keys: keys.slice(0, TOLD) });
    return [
      {
        invariant,
        detail: `${table}: ${count} of ${rows.size} rows of ${found.name} are not what ${wanted.name} gives`,
        evidence: {
          [`only in ${wanted.name}`]: tell(missing),
          [`only in ${found.name}`]: tell(extra),
          different: tell(different),
        },
      },
    ];
  });
}

/** A rebuild that gave nothing is a breach of its own. */
export const failedRebuild = (invariant: InvariantId, error: string | undefined): Violation[] =>
  error === undefined
    ? []
    : [{ invariant, detail: "the product's rebuild failed", evidence: { rebuild: error } }];

export const rowsOf = (tables: readonly TableDump[]): number =>
  tables.reduce((sum, { rows }) => sum + rows.size, 0);

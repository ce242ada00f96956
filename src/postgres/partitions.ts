import type { Queryable } from './transaction.js';

const DAY_MS = 86_400_000;
/** Days made ahead of the newest one needed. */
const DAYS_AHEAD = 3;

/** Number of the UTC day since 1970. */
export function dayOf(tsMs: number): number {
  return Math.floor(tsMs / DAY_MS);
}

/** Pure: which days have to be made for rows at these days, given those that are there; sorted, each once. */
export function daysToMake(needed: Iterable<number>, known: ReadonlySet<number>): number[] {
  const missing = new Set<number>();
  for (const day of needed) {
    if (known.has(day)) continue;
    for (let ahead = 0; ahead <= DAYS_AHEAD; ahead++) if (!known.has(day + ahead)) missing.add(day + ahead);
  }
  return [...missing].sort((a, b) => a - b);
}

/** Makes daily partitions that are missing (migrations/0002_day_partitions.sql). Safe to repeat and from several processes. */
export async function ensureDayPartitions(
  db: Queryable,
  tables: readonly string[],
  days: readonly number[],
): Promise<void> {
  const dates = days.map((day) => new Date(day * DAY_MS).toISOString().slice(0, 10));
  for (const table of tables) {
    await db.query('SELECT spark.ensure_day_partitions($1, $2::date[])', [table, dates]);
  }
}

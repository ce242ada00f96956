import type { Queryable } from './transaction.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Partitions kept ahead of the newest one needed. */
const AHEAD = 3;

/** How much time a partition holds. */
export type PartitionStep = 'day' | 'hour';

/** A partition by what its name says; times are epoch ms, UTC. */
export interface PartitionBounds {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Number of the UTC hour since 1970. */
export function hourOf(tsMs: number): number {
  return Math.floor(tsMs / HOUR_MS);
}

/** Pure: start of the UTC day or hour, epoch ms. */
export function startOf(tsMs: number, step: PartitionStep): number {
  const stepMs = step === 'day' ? DAY_MS : HOUR_MS;
  return Math.floor(tsMs / stepMs) * stepMs;
}

/**
 * Pure: the hours to ask for so that rows of these hours have a place and `AHEAD` partitions lie ahead of each, without those that were
 * asked for before; sorted, each once. By day an hour stands for its day, so only first hours of days are answered.
 */
export function hoursToMake(
  needed: Iterable<number>,
  known: ReadonlySet<number>,
  step: PartitionStep,
): number[] {
  const wanted = new Set<number>();
  const hours = step === 'day' ? 24 : 1;
  for (const hour of needed) {
    const first = Math.floor(hour / hours) * hours;
    for (let ahead = 0; ahead <= AHEAD; ahead++) wanted.add(first + ahead * hours);
  }
  return [...wanted].filter((hour) => !known.has(hour)).sort((a, b) => a - b);
}

/** Pure: what a partition's name says of it; undefined for a name that is no partition of this parent. */
export function boundsOf(parent: string, name: string): PartitionBounds | undefined {
  if (!name.startsWith(`${parent}_`)) return undefined;
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})?$/.exec(name.slice(parent.length + 1));
  if (!parts) return undefined;
  const [, year, month, day, hour] = parts;
  const fromMs = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour ?? 0));
  return { name, fromMs, toMs: fromMs + (hour === undefined ? DAY_MS : HOUR_MS) };
}

/**
 * Makes partitions that are missing for these hours (migrations/0022_partitions.sql) of tables given as `schema.table`. Safe to repeat
 * and from several processes; never waits for readers and never makes them wait.
 */
export async function ensurePartitions(
  db: Queryable,
  tables: readonly string[],
  hours: readonly number[],
  step: PartitionStep,
): Promise<void> {
  const moments = hours.map((hour) => new Date(hour * HOUR_MS).toISOString());
  for (const [schema, table] of tables.map((name) => name.split('.')))
    await db.query('SELECT spark.ensure_partitions($1, $2, $3::timestamptz[], $4)', [
      schema,
      table,
      moments,
      step === 'hour',
    ]);
}

/** Whether the newest partition of a table (`schema.table`) holds an hour or a day; undefined where there is none. */
export async function newestStep(db: Queryable, name: string): Promise<PartitionStep | undefined> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = to_regclass($1) ORDER BY c.relname DESC LIMIT 1`,
    [name],
  );
  const bounds = rows[0] && boundsOf(name.slice(name.indexOf('.') + 1), rows[0].name);
  return bounds && (bounds.toMs - bounds.fromMs === DAY_MS ? 'day' : 'hour');
}

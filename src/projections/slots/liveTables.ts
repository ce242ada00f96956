import type pg from 'pg';
import { type Clock, systemClock } from '../../core/clock.js';
import { readTables } from './readTables.js';
import type { Tables } from './tables.js';

/** How long pointers are taken for true before they are read again. */
const CACHED_MS = 1_000;
/** Flips are minutes apart; more than this in one read is not believable. */
const MAX_ATTEMPTS = 5;

interface Known {
  readonly atMs: number;
  readonly tables: Promise<Tables>;
}

const known = new WeakMap<pg.Pool, Known>();

/** Where the read models are live on this server, at most a second ago. */
export function liveTables(pool: pg.Pool, clock: Clock = systemClock): Promise<Tables> {
  const before = known.get(pool);
  const nowMs = clock.monotonicMs();
  if (before !== undefined && nowMs - before.atMs < CACHED_MS) return before.tables;
  return remember(pool, readTables(pool), nowMs);
}

/**
 * Reads the live tables by their own names, for what a view cannot do fast while it stands over both slots (rows in the order of an
 * index, and only the first of them). As right as a view: the pointers are looked at again after the rows, and when they have moved, the
 * rows are read again. `work` may run more than once.
 */
export async function readLive<T>(
  pool: pg.Pool,
  work: (tables: Tables) => Promise<T>,
  clock: Clock = systemClock,
): Promise<T> {
  let tables = await liveTables(pool, clock);
  for (let attempt = 1; ; attempt++) {
    const result = await work(tables);
    const after = await remember(pool, readTables(pool), clock.monotonicMs());
    if (after.version === tables.version || attempt === MAX_ATTEMPTS) return result;
    tables = after;
  }
}

function remember(pool: pg.Pool, tables: Promise<Tables>, atMs: number): Promise<Tables> {
  const entry = { atMs, tables };
  known.set(pool, entry);
  // A server that did not answer is asked again by the next reader.
  tables.catch(() => {
    if (known.get(pool) === entry) known.delete(pool);
  });
  return tables;
}

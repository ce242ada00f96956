import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { pgSchema, timestamp } from 'drizzle-orm/pg-core';
import type pg from 'pg';

/** Where every table of SPARK lies. */
export const spark = pgSchema('spark');

/** A `timestamptz` column as a Date. */
export const timestamptz = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

const made = new WeakMap<pg.Pool, NodePgDatabase>();

/** Typed queries over a pool; one object a pool. */
export function orm(pool: pg.Pool): NodePgDatabase {
  let db = made.get(pool);
  if (db === undefined) {
    db = drizzle({ client: pool });
    made.set(pool, db);
  }
  return db;
}

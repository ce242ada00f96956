import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { type PgSchema, pgSchema, timestamp } from 'drizzle-orm/pg-core';
import type pg from 'pg';

/** What is read by everybody lies here: tables of their own, and views over the slots. */
export const spark = pgSchema('spark');

/** The same table or view in any schema, made once for each: `make` gets the schema. */
export function bySchema<T>(make: (schema: PgSchema<string>) => T): (schema: string) => T {
  const made = new Map<string, T>([['spark', make(spark)]]);
  return (name) => {
    let table = made.get(name);
    if (table === undefined) {
      table = make(pgSchema(name));
      made.set(name, table);
    }
    return table;
  };
}

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

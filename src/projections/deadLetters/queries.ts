import { and, desc, eq, lt } from 'drizzle-orm';
import type pg from 'pg';
import { orm } from '../../postgres/orm.js';
import { sparkDeadLetters as letters } from './table.js';

export type DeadLetterView = typeof letters.$inferSelect;

/** Dead letters, newest first; `before`: older than the last row of the page before. */
export async function listDeadLetters(
  pool: pg.Pool,
  query: { readonly limit: number; readonly before?: Date },
): Promise<DeadLetterView[]> {
  return orm(pool)
    .select()
    .from(letters)
    .where(query.before === undefined ? undefined : lt(letters.ts, query.before))
    .orderBy(desc(letters.ts), desc(letters.id))
    .limit(query.limit);
}

/** One dead letter of `spark.dlq`, by its sequence there. */
export async function deadLetterById(pool: pg.Pool, id: number): Promise<DeadLetterView | undefined> {
  const rows = await orm(pool)
    .select()
    .from(letters)
    .where(and(eq(letters.source, 'stream'), eq(letters.id, id)));
  return rows[0];
}

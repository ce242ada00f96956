import { and, desc, eq, gte, lt, type SQL } from 'drizzle-orm';
import type pg from 'pg';
import { orm } from '../../postgres/orm.js';
import { sparkOperations as operations } from './table.js';

export type OperationView = typeof operations.$inferSelect;

export interface OperationListQuery {
  readonly sessionId?: string;
  readonly path?: string;
  readonly tool?: string;
  readonly since?: Date;
  /** Older than this one: the next page begins at the last row's `seq`. */
  readonly beforeSeq?: number;
  readonly limit: number;
}

/** Operations of the undo log, newest first. */
export async function listOperations(pool: pg.Pool, query: OperationListQuery): Promise<OperationView[]> {
  const conditions: SQL[] = [];
  if (query.sessionId !== undefined) conditions.push(eq(operations.sessionId, query.sessionId));
  if (query.path !== undefined) conditions.push(eq(operations.path, query.path));
  if (query.tool !== undefined) conditions.push(eq(operations.tool, query.tool));
  if (query.since !== undefined) conditions.push(gte(operations.ts, query.since));
  if (query.beforeSeq !== undefined) conditions.push(lt(operations.seq, query.beforeSeq));
  return orm(pool)
    .select()
    .from(operations)
    .where(and(...conditions))
    .orderBy(desc(operations.seq))
    .limit(query.limit);
}

import { and, desc, eq, gte, like, lt, type SQL, sql } from 'drizzle-orm';
import type pg from 'pg';
import { orm } from '../../postgres/orm.js';
import { readLive } from '../slots/liveTables.js';
import type { OperationState } from './fold.js';
import { sparkOperations, sparkOperationsIn } from './table.js';

export type OperationView = typeof sparkOperations.$inferSelect;

export interface OperationListQuery {
  readonly sessionId?: string | undefined;
  /** Exact, or a prefix when it ends in `*`. */
  readonly path?: string | undefined;
  readonly tool?: string | undefined;
  readonly editor?: string | undefined;
  readonly state?: OperationState | undefined;
  /** Made at or after. */
  readonly since?: Date | undefined;
  /** Made before. */
  readonly until?: Date | undefined;
  /** Older than this one: the next page begins at the last row's place. */
  readonly before?: OperationPlace | undefined;
  readonly limit: number;
}

/** Where an operation stands in the order of lists: those of one event share its `seq`. */
export interface OperationPlace {
  readonly seq: number;
  readonly ordinal: number;
}

/** Operations of the undo log, newest first. */
export async function listOperations(pool: pg.Pool, query: OperationListQuery): Promise<OperationView[]> {
  return readLive(pool, (tables) => {
    const operations = sparkOperationsIn(tables.schemaOf('spark_operations'));
    return orm(pool)
      .select()
      .from(operations)
      .where(and(...conditionsOf(operations, query)))
      .orderBy(desc(operations.seq), desc(operations.ordinal))
      .limit(query.limit);
  });
}

/** One operation by its id. */
export async function operationById(pool: pg.Pool, operationId: string): Promise<OperationView | undefined> {
  const [row] = await orm(pool)
    .select()
    .from(sparkOperations)
    .where(eq(sparkOperations.operationId, operationId));
  return row;
}

function conditionsOf(
  operations: typeof sparkOperations,
  { before, since, until, ...query }: OperationListQuery,
): SQL[] {
  const conditions: SQL[] = [];
  if (query.sessionId !== undefined) conditions.push(eq(operations.sessionId, query.sessionId));
  if (query.path !== undefined) conditions.push(pathCondition(operations, query.path));
  if (query.tool !== undefined) conditions.push(eq(operations.tool, query.tool));
  if (query.editor !== undefined) conditions.push(eq(operations.editor, query.editor));
  if (query.state !== undefined) conditions.push(eq(operations.state, query.state));
  if (since !== undefined) conditions.push(gte(operations.ts, since));
  if (until !== undefined) conditions.push(lt(operations.ts, until));
  if (before !== undefined)
    conditions.push(sql`(${operations.seq}, ${operations.ordinal}) < (${before.seq}, ${before.ordinal})`);
  return conditions;
}

function pathCondition(operations: typeof sparkOperations, path: string): SQL {
  if (!path.endsWith('*')) return eq(operations.path, path);
  // What LIKE would read as a wildcard is a plain character of a path.
  return like(operations.path, `${path.slice(0, -1).replace(/[\\%_]/g, '\\$&')}%`);
}

import { and, asc, count, desc, eq, gte, lt, type SQL, sql } from 'drizzle-orm';
import type pg from 'pg';
import { orm } from '../../postgres/orm.js';
import { readLive } from '../slots/liveTables.js';
import {
  sparkDeadLetterActions as actions,
  type DeadLetterState,
  sparkDeadLetters as letters,
  sparkDeadLettersIn,
} from './table.js';

export type DeadLetterView = typeof letters.$inferSelect;
export type DeadLetterActionView = typeof actions.$inferSelect;
type Source = DeadLetterView['source'];

export interface DeadLetterQuery {
  readonly reason?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly editor?: string | undefined;
  readonly type?: string | undefined;
  readonly state?: DeadLetterState | undefined;
  /** Only letters of the stream, which can be acted upon. */
  readonly source?: Source | undefined;
  /** At or after this moment. */
  readonly since?: Date | undefined;
  /** Before this moment. */
  readonly until?: Date | undefined;
  /** Behind this row, in the order of the list. */
  readonly after?: { readonly ts: Date; readonly source: Source; readonly id: number } | undefined;
  readonly limit: number;
  /** Newest first unless told. */
  readonly oldestFirst?: boolean;
}

/** Dead letters, newest first. */
export async function listDeadLetters(pool: pg.Pool, query: DeadLetterQuery): Promise<DeadLetterView[]> {
  const order = query.oldestFirst ? asc : desc;
  return readLive(pool, (tables) => {
    const live = sparkDeadLettersIn(tables.schemaOf('projector_dead_letters'));
    return orm(pool)
      .select()
      .from(live)
      .where(and(...conditionsOf(live, query)))
      .orderBy(order(live.ts), order(live.source), order(live.id))
      .limit(query.limit);
  });
}

function conditionsOf(live: typeof letters, query: DeadLetterQuery): (SQL | undefined)[] {
  const { reason, sessionId, editor, type, state, source, since, until, after } = query;
  return [
    reason === undefined ? undefined : eq(live.reason, reason),
    sessionId === undefined ? undefined : eq(live.sessionId, sessionId),
    editor === undefined ? undefined : eq(live.editor, editor),
    type === undefined ? undefined : eq(live.type, type),
    state === undefined ? undefined : eq(live.state, state),
    source === undefined ? undefined : eq(live.source, source),
    since === undefined ? undefined : gte(live.ts, since),
    until === undefined ? undefined : lt(live.ts, until),
    after === undefined
      ? undefined
      : sql`(${live.ts}, ${live.source}, ${live.id}) < (${after.ts.toISOString()}::timestamptz, ${after.source}, ${after.id})`,
  ];
}

/** One dead letter of `spark.dlq` by its sequence there, or of the projector by the event's `seq`. */
export async function deadLetterById(
  pool: pg.Pool,
  id: number,
  source: Source = 'stream',
): Promise<DeadLetterView | undefined> {
  const rows = await orm(pool)
    .select()
    .from(letters)
    .where(and(eq(letters.source, source), eq(letters.id, id)));
  return rows[0];
}

/** What was done about a letter of `spark.dlq`, in order. */
export async function actionsOfLetter(pool: pg.Pool, id: number): Promise<DeadLetterActionView[]> {
  return orm(pool).select().from(actions).where(eq(actions.letterId, id)).orderBy(actions.seq);
}

export async function countOpenDeadLetters(pool: pg.Pool): Promise<number> {
  const rows = await orm(pool).select({ open: count() }).from(letters).where(eq(letters.state, 'open'));
  return rows[0]?.open ?? 0;
}

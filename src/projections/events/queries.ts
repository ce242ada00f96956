import { and, asc, eq, gt } from 'drizzle-orm';
import type pg from 'pg';
import type { LoggedEvent } from '../../events/event.js';
import { orm } from '../../postgres/orm.js';
import { loggedEventOf } from './rows.js';
import { sparkEvents } from './table.js';

/** Events of a session after `afterSeq`, in log order, at most `limit`: what a live feed missed. */
export async function sessionEventsAfter(
  pool: pg.Pool,
  query: { readonly sessionId: string; readonly afterSeq: number; readonly limit: number },
): Promise<LoggedEvent[]> {
  const rows = await orm(pool)
    .select()
    .from(sparkEvents)
    .where(and(eq(sparkEvents.sessionId, query.sessionId), gt(sparkEvents.seq, query.afterSeq)))
    .orderBy(asc(sparkEvents.seq))
    .limit(query.limit);
  return rows.map(({ ts, logPartition, ...row }) =>
    loggedEventOf({ ...row, tsMs: ts.getTime(), partition: logPartition }),
  );
}

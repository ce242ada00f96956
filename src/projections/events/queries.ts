import { and, asc, eq, gt } from 'drizzle-orm';
import type pg from 'pg';
import type { LoggedEvent } from '../../events/event.js';
import { orm } from '../../postgres/orm.js';
import { readLive } from '../slots/liveTables.js';
import { loggedEventOf } from './rows.js';
import { sparkEventsIn } from './table.js';

/** Events of a session after `afterSeq`, in log order, at most `limit`: what a live feed missed. */
export async function sessionEventsAfter(
  pool: pg.Pool,
  query: { readonly sessionId: string; readonly afterSeq: number; readonly limit: number },
): Promise<LoggedEvent[]> {
  const rows = await readLive(pool, (tables) => {
    const events = sparkEventsIn(tables.schemaOf('spark_events'));
    return orm(pool)
      .select()
      .from(events)
      .where(and(eq(events.sessionId, query.sessionId), gt(events.seq, query.afterSeq)))
      .orderBy(asc(events.seq))
      .limit(query.limit);
  });
  return rows.map(({ ts, logPartition, ...row }) =>
    loggedEventOf({ ...row, tsMs: ts.getTime(), partition: logPartition }),
  );
}

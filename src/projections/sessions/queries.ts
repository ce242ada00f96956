import { desc, eq, gte } from 'drizzle-orm';
import type pg from 'pg';
import { orm } from '../../postgres/orm.js';
import { sparkSessions as sessions } from './table.js';

export type SessionView = typeof sessions.$inferSelect;

export async function sessionById(pool: pg.Pool, sessionId: string): Promise<SessionView | undefined> {
  const rows = await orm(pool).select().from(sessions).where(eq(sessions.sessionId, sessionId));
  return rows[0];
}

/** Sessions, the one that was busy last first. */
export async function listSessions(
  pool: pg.Pool,
  query: { readonly since?: Date; readonly limit: number },
): Promise<SessionView[]> {
  return orm(pool)
    .select()
    .from(sessions)
    .where(query.since === undefined ? undefined : gte(sessions.lastSeen, query.since))
    .orderBy(desc(sessions.lastSeen))
    .limit(query.limit);
}

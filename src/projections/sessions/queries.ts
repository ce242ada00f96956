import { eq } from 'drizzle-orm';
import type pg from 'pg';
import { orm } from '../../postgres/orm.js';
import { sparkSessions as sessions } from './table.js';

export type SessionView = typeof sessions.$inferSelect;

export async function sessionById(pool: pg.Pool, sessionId: string): Promise<SessionView | undefined> {
  const rows = await orm(pool).select().from(sessions).where(eq(sessions.sessionId, sessionId));
  return rows[0];
}

import { and, desc, eq, gte, inArray, lt, type SQL } from 'drizzle-orm';
import type pg from 'pg';
import { UUID_PATTERN } from '../../core/ids.js';
import type { CommandState } from '../../events/outcome.js';
import { orm } from '../../postgres/orm.js';
import { sparkCommands } from './table.js';

export type CommandView = typeof sparkCommands.$inferSelect;

/** The command, or undefined when no row knows it (yet). */
export async function commandById(pool: pg.Pool, commandId: string): Promise<CommandView | undefined> {
  if (!UUID_PATTERN.test(commandId)) return undefined;
  const rows = await orm(pool).select().from(sparkCommands).where(eq(sparkCommands.commandId, commandId));
  return rows[0];
}

export interface CommandListQuery {
  readonly sessionId?: string;
  readonly editor?: string;
  readonly states?: readonly CommandState[];
  /** Accepted at or after this moment. */
  readonly since?: Date;
  /** Accepted before this moment: the next page begins at the last row's `acceptedAt`. */
  readonly before?: Date;
  readonly limit: number;
}

/** Commands, newest first. */
export async function listCommands(pool: pg.Pool, query: CommandListQuery): Promise<CommandView[]> {
  const conditions: SQL[] = [];
  if (query.sessionId !== undefined) conditions.push(eq(sparkCommands.sessionId, query.sessionId));
  if (query.editor !== undefined) conditions.push(eq(sparkCommands.editor, query.editor));
  if (query.states !== undefined) conditions.push(inArray(sparkCommands.state, [...query.states]));
  if (query.since !== undefined) conditions.push(gte(sparkCommands.acceptedAt, query.since));
  if (query.before !== undefined) conditions.push(lt(sparkCommands.acceptedAt, query.before));
  return orm(pool)
    .select()
    .from(sparkCommands)
    .where(and(...conditions))
    .orderBy(desc(sparkCommands.acceptedAt))
    .limit(query.limit);
}

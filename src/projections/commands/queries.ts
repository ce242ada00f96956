import { and, desc, eq, gte, inArray, lt, type SQL } from 'drizzle-orm';
import type pg from 'pg';
import { UUID_PATTERN } from '../../core/ids.js';
import type { CommandState } from '../../events/outcome.js';
import { orm } from '../../postgres/orm.js';
import { readLive } from '../slots/liveTables.js';
import { sparkCommands, sparkCommandsIn } from './table.js';

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
  return readLive(pool, (tables) => {
    const commands = sparkCommandsIn(tables.schemaOf('command_states'));
    return orm(pool)
      .select()
      .from(commands)
      .where(and(...conditionsOf(commands, query)))
      .orderBy(desc(commands.acceptedAt))
      .limit(query.limit);
  });
}

function conditionsOf(commands: typeof sparkCommands, query: CommandListQuery): SQL[] {
  const conditions: SQL[] = [];
  if (query.sessionId !== undefined) conditions.push(eq(commands.sessionId, query.sessionId));
  if (query.editor !== undefined) conditions.push(eq(commands.editor, query.editor));
  if (query.states !== undefined) conditions.push(inArray(commands.state, [...query.states]));
  if (query.since !== undefined) conditions.push(gte(commands.acceptedAt, query.since));
  if (query.before !== undefined) conditions.push(lt(commands.acceptedAt, query.before));
  return conditions;
}

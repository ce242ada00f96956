import type pg from 'pg';
import { startedAmong } from '../commands/write.js';
import { CallTallies } from '../rollups/calls.js';
import type { Tables } from '../slots/tables.js';
import type { CallRow } from './rows.js';

/** The calls of a batch as its fold tells them. */
export interface FoldedCalls {
  readonly calls: readonly CallRow[];
  readonly uncertainCalls: readonly CallRow[];
  /** Of `calls`. */
  readonly callTallies: CallTallies;
}

/** Those that count, and what they add to the rollups. */
export interface CountedCalls {
  readonly rows: readonly CallRow[];
  readonly tallies: CallTallies;
}

/**
 * After the commands: one call a command, by the event that ended it, if it had started. `untouched`: commands that had ended before.
 * None where command states are not folded.
 */
export async function countedCalls(
  client: pg.ClientBase,
  tables: Tables,
  { calls, uncertainCalls, callTallies }: FoldedCalls,
  untouched: ReadonlySet<string>,
): Promise<CountedCalls> {
  if (!tables.has('command_states')) return { rows: [], tallies: new CallTallies() };
  if (uncertainCalls.length === 0 && untouched.size === 0) return { rows: calls, tallies: callTallies };
  const ids = uncertainCalls.map((row) => row.commandId);
  const started = await startedAmong(client, tables, ids);
  const rows = [...calls, ...uncertainCalls.filter((row) => started.has(row.commandId))].filter(
    (row) => !untouched.has(row.commandId),
  );
  const tallies = new CallTallies();
  for (const row of rows) tallies.add(row);
  return { rows, tallies };
}

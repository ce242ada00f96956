import type pg from 'pg';
import type { StateMove } from '../commands/write.js';
import type { Tables } from '../slots/tables.js';
import { CALLS_MINUTE, type CallTallies, LATENCY_5MIN, LATENCY_MINUTE, latencyBySlice } from './calls.js';
import { type EventTallies, OPERATIONS_MINUTE, PREVIEWS_MINUTE, SESSIONS_5MIN } from './events.js';
import { LANES_HOUR, LANES_MINUTE, laneTallies } from './lanes.js';
import { addToRollup } from './rollup.js';
import { Tally } from './tally.js';

export interface RollupParts {
  readonly events: EventTallies;
  /** Of the calls that count. */
  readonly calls: CallTallies;
  readonly moves: readonly StateMove[];
}

/** After the commands and the calls of the batch. */
export async function writeRollups(
  client: pg.ClientBase,
  tables: Tables,
  { events, calls, moves }: RollupParts,
): Promise<void> {
  const sessions = new Tally();
  sessions.addAll(events.sessions);
  sessions.addAll(calls.sessions);
  const lanes = laneTallies(moves, calls.lanes);
  await addToRollup(client, tables, CALLS_MINUTE, calls.calls);
  await addToRollup(client, tables, LATENCY_MINUTE, calls.latency);
  await addToRollup(client, tables, LATENCY_5MIN, latencyBySlice(calls.latency));
  await addToRollup(client, tables, PREVIEWS_MINUTE, events.previews);
  await addToRollup(client, tables, SESSIONS_5MIN, sessions);
  await addToRollup(client, tables, LANES_MINUTE, lanes.minutes);
  await addToRollup(client, tables, LANES_HOUR, lanes.hours);
  await addToRollup(client, tables, OPERATIONS_MINUTE, events.operations);
}

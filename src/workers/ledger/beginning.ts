import type { Command } from '../../commands/envelope.js';
import type { StartedEvent } from '../../events/event.js';
import type { Task } from '../lanes/task.js';
import type { PartitionLog } from '../ports.js';
import { KEY_TAKEN, KeyTakenError } from './keyRace.js';
import type { LogFollower } from './logFollower.js';
import { type Intent, startedEvent } from './recorder.js';
import type { WorkerState } from './workerState.js';

interface Known {
  readonly state: WorkerState;
  readonly follower: Pick<LogFollower, 'alone' | 'reached'>;
}

/** Whether another partition's owner might use the command's key at this moment. */
export const contended = (
  { idempotencyKey }: Pick<Command, 'idempotencyKey'>,
  { follower }: Pick<Known, 'follower'>,
): boolean => idempotencyKey !== null && !follower.alone;

/** Whether another partition has used the key of a command that has not begun here. */
export const keyTaken = ({ commandId, idempotencyKey }: Command, { state }: Known, nowMs: number): boolean =>
  idempotencyKey !== null && (state.open.has(commandId) || state.ledger.find(commandId, nowMs) !== undefined);

/** Stores a command's beginning and waits until it is durable and the first of its key. Throws `KeyTakenError` where it is not. */
export async function begin(
  task: Task,
  { intent, call, nowMs }: { readonly intent: Intent | null; readonly call: number; readonly nowMs: number },
  log: PartitionLog,
  known: Known,
): Promise<void> {
  const { command } = task;
  if (keyTaken(command, known, nowMs)) throw new KeyTakenError(KEY_TAKEN);
  const event = startedEvent(command, { epoch: log.epoch, call }, intent, new Date(nowMs).toISOString());
  task.started = event;
  known.state.apply(event, nowMs);
  if (contended(command, known)) await appendFirstOfKey(event, log, known);
  else await log.append([event]);
}

/** Stores it and waits until everything before it has been read: another partition's start of the same key may stand there. */
async function appendFirstOfKey(
  event: StartedEvent,
  log: PartitionLog,
  { state, follower }: Known,
): Promise<void> {
  const { commandId, position } = event;
  const place = await state.race.begin(commandId, position, () => log.append([event]));
  await follower.reached(place);
  if (state.race.decided(commandId) === 'taken') throw new KeyTakenError(KEY_TAKEN);
}

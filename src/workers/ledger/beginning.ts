import { definitionOf } from '../../commands/catalogue.js';
import type { Command } from '../../commands/envelope.js';
import { SparkError } from '../../core/errors.js';
import type { Task } from '../lanes/task.js';
import type { PartitionLog } from '../ports.js';
import { KEY_TAKEN, KeyTakenError, samePlace } from './keyRace.js';
import type { LogFollower } from './logFollower.js';
import { type Intent, startedEvent } from './recorder.js';
import { operationsOf, type WorkerState } from './workerState.js';

interface Known {
  readonly state: WorkerState;
  readonly follower: Pick<LogFollower, 'alone' | 'reached'>;
}

/** Whether another partition's owner might use the command's key at this moment. */
export const contended = (
  { idempotencyKey }: Pick<Command, 'idempotencyKey'>,
  { follower }: Pick<Known, 'follower'>,
): boolean => idempotencyKey !== null && !follower.alone;

/** Whether another command has used the key of one that has not begun here. */
export function keyTaken(
  { commandId, idempotencyKey, position }: Command,
  { state }: Known,
  nowMs: number,
): boolean {
  if (idempotencyKey === null) return false;
  const open = state.open.get(commandId);
  // Begun by an earlier owner who did not come to its end: it is this very command.
  if (open) return !samePlace(open.position, position);
  return state.ledger.find(commandId, nowMs) !== undefined;
}

/** Another undo has begun to take the same operation back before ours: nothing was called. */
export class OvertakenError extends SparkError {
  readonly code = 'changed_meanwhile';
}

/**
 * Stores a command's beginning and waits until it is durable, the first of its key, and the first to move its operations: undos that reach
 * over to one editor from two others may decide on the same one in the same moment. Throws `KeyTakenError` and `OvertakenError`.
 */
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
  const append = () => log.append([event]);
  const place = contended(command, known) ? await storedFirst(command, append, known) : await append();
  if (place === undefined) throw new KeyTakenError(KEY_TAKEN);
  const moves = definitionOf(command.type)?.effect === 'compensation' && operationsOf(event).length > 0;
  if (!moves) return;
  await known.follower.reached(place);
  if (known.state.overtaken(event, place))
    throw new OvertakenError('another undo of the same operation began before this one; nothing was changed');
}

/** Stores what is said first of a command; true when nobody else's beginning of the same key stands before it. */
export const storeFirst = async (
  command: Command,
  append: () => Promise<number>,
  known: Known,
): Promise<boolean> => (await storedFirst(command, append, known)) !== undefined;

/** As `storeFirst`, with the place in the log: waits until everything before it has been read. */
async function storedFirst(
  { commandId, position }: Command,
  append: () => Promise<number>,
  { state, follower }: Known,
): Promise<number | undefined> {
  const place = await state.race.begin(commandId, position, append);
  await follower.reached(place);
  return state.race.decided(commandId) === 'taken' ? undefined : place;
}

import { isInDoubt, type LaneQueue, useOf } from './laneQueue.js';
import type { ParkedLane } from './parkedLane.js';
import type { Task } from './task.js';

/**
 * Takes what shall be parked of one session out of the queue: `stored` is in the parking already and only goes back, `toStore` is not.
 * What may have changed a file stays, for whoever came to that file before it is looked after; so does what is older than something on its
 * way into the parking, where both would lie in the order in which they came. With `exclusive`, what leads the session and does not need
 * the editor stays too.
 */
export function takeForParking(
  queue: LaneQueue,
  parked: ParkedLane,
  sessionId: string,
  what: 'all' | 'exclusive',
): { readonly stored: Task[]; readonly toStore: Task[] } {
  const waiting = queue.of(sessionId);
  let stay = waiting.findLastIndex((task) => isInDoubt(task) || parked.isPassed(task.command));
  if (what === 'exclusive') while (isBeside(waiting[stay + 1])) stay++;
  const moving = queue.removeFrom(sessionId, stay + 1);
  const stored = moving.filter(isStored);
  parked.putBack(stored);
  return { stored, toStore: moving.filter((task) => !isStored(task)) };
}

export interface Crowd {
  readonly sessionId: string;
  readonly waiting: number;
}

/** Commands that were delivered and are not acknowledged, by session: the most first. */
export function crowdOf(queue: LaneQueue): Crowd[] {
  return queue.sessionIds
    .map((sessionId) => ({
      sessionId,
      waiting: queue.of(sessionId).filter((task) => !isStored(task)).length,
    }))
    .sort((left, right) => right.waiting - left.waiting);
}

const isStored = ({ origin }: Task): boolean => origin.kind === 'parked';
const isBeside = (task: Task | undefined): boolean => task !== undefined && useOf(task) === 'beside';

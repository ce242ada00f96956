import { type LaneQueue, useOf } from './laneQueue.js';
import type { ParkedLane } from './parkedLane.js';
import type { Task } from './task.js';

/**
 * Takes what shall be parked of one session out of the queue: `stored` is in the parking already and only goes back, `toStore` is not.
 * What ran while its successors were parked is older than they are, goes on before them and stays. With `exclusive`, what leads
 * the session and does not need the editor stays too.
 */
export function takeForParking(
  queue: LaneQueue,
  parked: ParkedLane,
  sessionId: string,
  what: 'all' | 'exclusive',
): { readonly stored: Task[]; readonly toStore: Task[] } {
  const waiting = queue.of(sessionId);
  const firstParked = waiting.findIndex(isStored);
  const isOlder = (task: Task, at: number) => at < firstParked || parked.hasLater(task.command);
  let stay = waiting.findLastIndex((task, at) => !isStored(task) && isOlder(task, at));
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

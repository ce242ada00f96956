import type { LoggedEvent } from '../../src/events/event.js';
import { ReadModels } from '../projector/readModels.js';
import { isSameJson } from './sameJson.js';

/** I6 and I7: what the projectors have written, in whatever batches, is the fold of the log from nothing, to the last byte. */
export function sameAsFold(models: ReadModels, events: readonly LoggedEvent[]): string[] {
  const fresh = new ReadModels();
  for (const logged of events) fresh.apply(logged);
  if (isSameJson(models.tables(), fresh.tables())) return [];
  const live = models.dump();
  const rebuilt = fresh.dump();
  if (live === rebuilt) return [];
  let at = 0;
  while (live[at] === rebuilt[at]) at++;
  const around = (text: string): string => text.slice(Math.max(0, at - 60), at + 60);
  return [
    `I6: the read models are not the fold of the log: …${around(live)}… instead of …${around(rebuilt)}…`,
  ];
}

/** I9: a checkpoint never goes back. */
export function checkpointsGrow(checkpoints: readonly number[]): string[] {
  return checkpoints.flatMap((value, at) =>
    at > 0 && value <= (checkpoints[at - 1] ?? 0)
      ? [`I9: a checkpoint went from ${checkpoints[at - 1]} to ${value}`]
      : [],
  );
}

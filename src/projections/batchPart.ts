import type { LoggedEvent } from '../events/event.js';
import type { Unreadable } from './logEntries.js';

/** Consecutive events of the log, what between them is none, and the checkpoint that follows. */
export interface BatchPart {
  readonly events: readonly LoggedEvent[];
  readonly unreadable: readonly Unreadable[];
  readonly toSeq: number;
  /** Publish time of the newest message in it. */
  readonly tsMs: number;
}

/** Pure: a part of at least two events as two, in order, nothing lost between them. */
export function splitPart(part: BatchPart): [BatchPart, BatchPart] {
  const half = part.events.length >> 1;
  const first = part.events.slice(0, half);
  const last = first.at(-1);
  if (last === undefined) throw new RangeError('a part of one event cannot be split');
  return [
    {
      events: first,
      unreadable: part.unreadable.filter((item) => item.seq <= last.seq),
      toSeq: last.seq,
      tsMs: last.tsMs,
    },
    {
      ...part,
      events: part.events.slice(half),
      unreadable: part.unreadable.filter((item) => item.seq > last.seq),
    },
  ];
}

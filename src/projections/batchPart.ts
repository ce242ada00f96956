import type { LoggedEvent } from '../events/event.js';
import type { LogEntry, Unreadable } from './logEntries.js';
import { endOfMessage } from './logPosition.js';

/** Consecutive events of the log, what between them is none, and the checkpoint that follows. */
export interface BatchPart {
  readonly events: readonly LoggedEvent[];
  readonly unreadable: readonly Unreadable[];
  readonly toSeq: number;
  /** Publish time of the newest message in it. */
  readonly tsMs: number;
}

/** Pure: entries as one part. Its events are only decoded, and kept, when somebody asks for them: for a batch without poison nobody does. */
export function partOf(entries: readonly LogEntry[], unreadable: readonly Unreadable[]): BatchPart {
  const last = entries.at(-1);
  let decoded: readonly LoggedEvent[] | undefined;
  return {
    get events() {
      decoded ??= entries.flatMap((entry) => entry.events);
      return decoded;
    },
    unreadable,
    toSeq: last?.toSeq ?? endOfMessage(last?.streamSeq ?? 0),
    tsMs: last?.tsMs ?? 0,
  };
}

/**
 * Pure: a part of at least two events in pieces, in order, nothing lost between them: cut around the event at `culprit`, or in halves
 * when nobody is suspected.
 */
export function splitPart(part: BatchPart, culprit?: number): BatchPart[] {
  const count = part.events.length;
  if (count < 2) throw new RangeError('a part of one event cannot be split');
  const cuts = culprit === undefined ? [count >> 1] : [culprit, culprit + 1];
  const bounds = [0, ...cuts.filter((at) => at > 0 && at < count), count];
  return bounds.slice(1).map((end, at) => piece(part, bounds[at] ?? 0, end));
}

function piece(part: BatchPart, from: number, end: number): BatchPart {
  const events = part.events.slice(from, end);
  const before = part.events[from - 1]?.seq ?? 0;
  const last = end === part.events.length ? undefined : events.at(-1);
  const until = last?.seq ?? part.toSeq;
  return {
    events,
    unreadable: part.unreadable.filter(({ seq }) => seq > before && seq <= until),
    toSeq: until,
    tsMs: last?.tsMs ?? part.tsMs,
  };
}

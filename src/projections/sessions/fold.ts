import type { LoggedEvent } from '../../events/event.js';
import { COMMAND_STATES } from '../../events/outcome.js';
import type { StateMove } from '../commands/write.js';

/** States a command with an event can be in. */
export const COUNTED_STATES = COMMAND_STATES.filter((state) => state !== 'accepted');
type CountedState = (typeof COUNTED_STATES)[number];

/** What a batch adds to one session. */
export interface SessionDelta {
  readonly sessionId: string;
  firstSeenMs: number;
  lastSeenMs: number;
  lastSeq: number;
  events: number;
  readonly editors: Set<string>;
}

/** Adds one event to its session's delta; `deltas` is the batch's accumulator. */
export function addToSession(
  deltas: Map<string, SessionDelta>,
  { event, seq, tsMs }: Pick<LoggedEvent, 'event' | 'seq' | 'tsMs'>,
): void {
  const { sessionId, editor } = event;
  const delta = deltas.get(sessionId);
  if (delta === undefined) {
    const editors = new Set([editor]);
    deltas.set(sessionId, {
      sessionId,
      firstSeenMs: tsMs,
      lastSeenMs: tsMs,
      lastSeq: seq,
      events: 1,
      editors,
    });
    return;
  }
  delta.firstSeenMs = Math.min(delta.firstSeenMs, tsMs);
  delta.lastSeenMs = Math.max(delta.lastSeenMs, tsMs);
  delta.lastSeq = seq;
  delta.events++;
  delta.editors.add(editor);
}

/** One session's row of additions, as JSON for the upsert. */
export type SessionRow = Readonly<Record<CountedState, number>> & {
  readonly session_id: string;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly events: number;
  readonly commands: number;
  readonly editors: readonly string[];
  readonly last_seq: number;
};

/** The deltas with how their commands' states moved, sorted by session so that no two writers can lock crosswise. */
export function sessionRows(
  deltas: ReadonlyMap<string, SessionDelta>,
  moves: readonly StateMove[],
): SessionRow[] {
  const counts = new Map<string, Record<CountedState, number> & { commands: number }>();
  for (const sessionId of [...deltas.keys()].sort()) counts.set(sessionId, noCounts());
  for (const { sessionId, before, after, count } of moves) {
    const row = counts.get(sessionId);
    if (row === undefined) continue;
    if (before === null) row.commands += count;
    else if (before !== 'accepted') row[before] -= count;
    if (after !== 'accepted') row[after] += count;
  }
  return [...counts].flatMap(([sessionId, count]) => {
    const delta = deltas.get(sessionId);
    if (delta === undefined) return [];
    return {
      session_id: sessionId,
      first_seen: new Date(delta.firstSeenMs).toISOString(),
      last_seen: new Date(delta.lastSeenMs).toISOString(),
      events: delta.events,
      editors: [...delta.editors].sort(),
      last_seq: delta.lastSeq,
      ...count,
    };
  });
}

function noCounts(): Record<CountedState, number> & { commands: number } {
  return {
    commands: 0,
    started: 0,
    completed: 0,
    failed: 0,
    rejected: 0,
    conflict: 0,
    outcome_unknown: 0,
    cancelled: 0,
  };
}

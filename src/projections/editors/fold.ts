import type { LoggedEvent } from '../../events/event.js';
import { postgresMicros } from '../../postgres/copyBuffer.js';
import type { StateMove } from '../commands/write.js';
import { keyText } from '../rollups/tally.js';
import { COUNTED_STATES } from '../sessions/fold.js';

type CountedState = (typeof COUNTED_STATES)[number];
type Counts = Record<CountedState | 'commands', number>;

/** What a batch's events say about one editor, whatever happened before. */
export interface EditorDelta {
  firstSeenMs: number;
  lastSeenMs: number;
  lastSeq: number;
  events: number;
}

/** Adds one event to its editor's delta; `deltas` is the batch's accumulator. */
export function addToEditor(
  deltas: Map<string, EditorDelta>,
  { event, seq, tsMs }: Pick<LoggedEvent, 'event' | 'seq' | 'tsMs'>,
): void {
  const editor = keyText(event.editor);
  const delta = deltas.get(editor);
  if (delta === undefined) {
    deltas.set(editor, { firstSeenMs: tsMs, lastSeenMs: tsMs, lastSeq: seq, events: 1 });
    return;
  }
  delta.firstSeenMs = Math.min(delta.firstSeenMs, tsMs);
  delta.lastSeenMs = Math.max(delta.lastSeenMs, tsMs);
  delta.lastSeq = seq;
  delta.events++;
}

/** One editor's row of additions, as JSON for the upsert. Times are null where a batch only moves a command of an earlier one. */
export type EditorRow = Readonly<Counts> & {
  readonly editor: string;
  /** Microseconds since 2000. */
  readonly first_seen: number | null;
  readonly last_seen: number | null;
  readonly last_seq: number;
  readonly events: number;
};

/**
 * The deltas with how the commands' states moved. A command stays with the editor its first event named, so a move may be about an
 * editor that the batch has no event of.
 */
export function editorRows(
  deltas: ReadonlyMap<string, EditorDelta>,
  moves: readonly StateMove[],
): EditorRow[] {
  const counts = new Map<string, Counts>();
  for (const editor of deltas.keys()) counts.set(editor, noCounts());
  for (const { editor: told, before, after, count } of moves) {
    const editor = keyText(told);
    const row = counts.get(editor) ?? noCounts();
    counts.set(editor, row);
    if (before === null) row.commands += count;
    else if (before !== 'accepted') row[before] -= count;
    if (after !== 'accepted') row[after] += count;
  }
  return [...counts].map(([editor, count]) => {
    const delta = deltas.get(editor);
    return {
      editor,
      first_seen: delta ? postgresMicros(delta.firstSeenMs) : null,
      last_seen: delta ? postgresMicros(delta.lastSeenMs) : null,
      last_seq: delta?.lastSeq ?? 0,
      events: delta?.events ?? 0,
      ...count,
    };
  });
}

function noCounts(): Counts {
  const counts: Partial<Counts> = { commands: 0 };
  for (const state of COUNTED_STATES) counts[state] = 0;
  return counts as Counts;
}

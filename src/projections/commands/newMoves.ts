import type { CommandState } from '../../events/outcome.js';
import { MINUTE_S, sliceOf } from '../rollups/slice.js';
import { Tally } from '../rollups/tally.js';
import type { CommandOutline } from './fold.js';
import type { StateMove } from './write.js';

type MoveKey = readonly [
  sessionId: string,
  editor: string,
  state: CommandState,
  acceptedMinuteS: number | null,
  endedMinuteS: number | null,
];

/** How commands that no row knows yet came into the state they are in: the same as merging them into the table would tell. */
export function movesOfNew(changes: Iterable<CommandOutline>): StateMove[] {
  const counts = new Tally<MoveKey>();
  for (const change of changes) {
    const { sessionId, editor, state } = change;
    const acceptedMinuteS = minuteOf(change.acceptedAtMs ?? change.startedAtMs ?? change.finishedAtMs);
    const endedMinuteS = state === 'started' ? null : minuteOf(change.finishedAtMs);
    counts.add([sessionId, editor, state, acceptedMinuteS, endedMinuteS], ONE);
  }
  return [...counts.rows()].map(({ key, sums: [count = 0] }) => {
    const [sessionId, editor, after, acceptedMinuteS, endedMinuteS] = key;
    return {
      sessionId: stored(sessionId),
      editor: stored(editor),
      before: null,
      after,
      acceptedMinuteS,
      endedMinuteS,
      count,
    };
  });
}

const ONE = [1];

const minuteOf = (ms: number | null): number | null => (ms === null ? null : sliceOf(ms, MINUTE_S));

/** A text as its column holds it (`CopyBuffer.text`). */
const stored = (text: string): string => text.toWellFormed().replaceAll('\0', '\ufffd');

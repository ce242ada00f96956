import { MINUTE_S, sliceOf } from '../rollups/slice.js';
import { acceptedAtMs, type CommandChange } from './fold.js';
import type { StateMove } from './write.js';

/** How commands that no row knows yet came into the state they are in: the same as merging them into the table would tell. */
export function movesOfNew(changes: Iterable<CommandChange>): StateMove[] {
  const moves = new Map<string, { -readonly [Field in keyof StateMove]: StateMove[Field] }>();
  for (const change of changes) {
    const { state } = change;
    const firstMs = acceptedAtMs(change) ?? change.startedAtMs ?? change.finishedAtMs;
    const acceptedMinuteS = minuteOf(firstMs);
    const endedMinuteS = state === 'started' ? null : minuteOf(change.finishedAtMs);
    const key = `${change.sessionId}\0${change.editor}\0${state}\0${acceptedMinuteS}\0${endedMinuteS}`;
    const move = moves.get(key);
    if (move !== undefined) move.count++;
    else
      moves.set(key, {
        sessionId: stored(change.sessionId),
        editor: stored(change.editor),
        before: null,
        after: state,
        acceptedMinuteS,
        endedMinuteS,
        count: 1,
      });
  }
  return [...moves.values()];
}

const minuteOf = (ms: number | null): number | null => (ms === null ? null : sliceOf(ms, MINUTE_S));

/** A text as its column holds it (`CopyBuffer.text`). */
const stored = (text: string): string => text.toWellFormed().replaceAll('\0', '\ufffd');

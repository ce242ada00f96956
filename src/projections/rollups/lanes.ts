import { isTerminal } from '../../events/outcome.js';
import type { StateMove } from '../commands/write.js';
import { defineRollup } from './rollup.js';
import { keyText, Tally } from './tally.js';

const HOUR_S = 3_600;

/**
 * What each editor's lane took in and got done: `accepted` at the minute of acceptance, counted when the command's first event tells of
 * it; `ended` (and `failed`: any other end than completed) at the minute of the end.
 */
export const LANES_MINUTE = defineRollup({
  table: 'rollup_lanes_minute',
  keys: [
    ['minute', 'time'],
    ['editor', 'text'],
  ],
  sums: ['accepted', 'ended', 'failed', 'call_us_sum'],
});

/** The same by hour, for `spark_queue_depth` to walk back over. */
export const LANES_HOUR = defineRollup({
  table: 'rollup_lanes_hour',
  keys: [
    ['hour', 'time'],
    ['editor', 'text'],
  ],
  sums: ['accepted', 'ended'],
});

/** How a batch's commands moved, with the durations of its calls, by minute and by hour. */
export function laneTallies(moves: readonly StateMove[], calls: Tally): { minutes: Tally; hours: Tally } {
  const minutes = new Tally();
  const hours = new Tally();
  const add = (minuteS: number, editor: string, accepted: number, ended: number, failed: number): void => {
    minutes.add([minuteS, editor], [accepted, ended, failed, 0]);
    hours.add([Math.floor(minuteS / HOUR_S) * HOUR_S, editor], [accepted, ended]);
  };
  for (const { before, after, acceptedMinuteS, endedMinuteS, count, ...move } of moves) {
    const editor = keyText(move.editor);
    if (before === null && acceptedMinuteS !== null) add(acceptedMinuteS, editor, count, 0, 0);
    if (isTerminal(after) && endedMinuteS !== null)
      add(endedMinuteS, editor, 0, count, after === 'completed' ? 0 : count);
  }
  minutes.addAll(calls);
  return { minutes, hours };
}

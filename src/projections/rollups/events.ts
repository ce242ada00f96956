import { type LoggedEvent, movesOf, type PreviewRecord } from '../../events/event.js';
import { defineRollup } from './rollup.js';
import { FIVE_MINUTES_S, MINUTE_S, sliceOf } from './slice.js';
import { keyText, Tally } from './tally.js';

/** Completed previews by minute, mode and whether the cache answered: the cache hit rate. */
export const PREVIEWS_MINUTE = defineRollup({
  table: 'rollup_previews_minute',
  keys: [
    ['minute', 'time'],
    ['mode', 'text'],
    ['cached', 'boolean'],
  ],
  sums: ['previews'],
});

/** Operations made, undone and redone by minute and by the command type that made them: undo activity. */
export const OPERATIONS_MINUTE = defineRollup({
  table: 'rollup_operations_minute',
  keys: [
    ['minute', 'time'],
    ['direction', 'text'],
    ['tool', 'text'],
  ],
  sums: ['operations'],
});

/** What a session did in five minutes: active and slowest sessions. */
export const SESSIONS_5MIN = defineRollup({
  table: 'rollup_sessions_5min',
  keys: [
    ['slice', 'time'],
    ['session_id', 'text'],
  ],
  sums: ['events', 'calls', 'timed', 'call_us_sum'],
  max: 'call_us_max',
});

/** What events mean for the rollups whatever happened before them. */
export class EventTallies {
  readonly previews = new Tally();
  readonly operations = new Tally();
  readonly sessions = new Tally();

  add(logged: LoggedEvent, preview: PreviewRecord | undefined): void {
    const { event, tsMs } = logged;
    this.sessions.add([sliceOf(tsMs, FIVE_MINUTES_S), keyText(event.sessionId)], [1, 0, 0, 0]);
    const moves = movesOf(event);
    if (preview === undefined && moves.length === 0) return;
    const minute = sliceOf(tsMs, MINUTE_S);
    if (preview) this.previews.add([minute, keyText(preview.mode), Boolean(preview.cached)], [1]);
    for (const { direction, operation } of moves)
      this.operations.add([minute, keyText(direction), keyText(operation.tool)], [1]);
  }
}

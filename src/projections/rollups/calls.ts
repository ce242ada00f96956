import type { CallRow } from '../functionCalls/rows.js';
import { durationMicros } from './durationMicros.js';
import { latencyBucket } from './latencyBuckets.js';
import { defineRollup } from './rollup.js';
import { FIVE_MINUTES_S, MINUTE_S, sliceOf } from './slice.js';
import { keyText, Tally } from './tally.js';

/** Calls by minute, tool and how they ended: error rates, success rates, mean durations. */
export const CALLS_MINUTE = defineRollup({
  table: 'rollup_calls_minute',
  keys: [
    ['minute', 'time'],
    ['name', 'text'],
    ['outcome', 'text'],
    ['error_code', 'text'],
  ],
  sums: ['calls', 'timed', 'duration_us_sum'],
});

/** Calls by minute, tool and latency bucket: percentiles. */
export const LATENCY_MINUTE = defineRollup({
  table: 'rollup_latency_minute',
  keys: [
    ['minute', 'time'],
    ['name', 'text'],
    ['bucket', 'smallint'],
  ],
  sums: ['calls'],
});

/** The same by slices of 5 minutes: windows that would read too many minutes. */
export const LATENCY_5MIN = defineRollup({
  table: 'rollup_latency_5min',
  keys: [
    ['slice', 'time'],
    ['name', 'text'],
    ['bucket', 'smallint'],
  ],
  sums: ['calls'],
});

/** Latency by the minute as latency by the slice: a slice's calls are those of its minutes. */
export function latencyBySlice(minutes: Tally): Tally {
  const slices = new Tally();
  for (const { key, sums } of minutes.rows()) {
    const [minuteS, ...rest] = key;
    slices.add([Math.floor(Number(minuteS) / FIVE_MINUTES_S) * FIVE_MINUTES_S, ...rest], sums);
  }
  return slices;
}

/** What the rows of `spark_function_calls` mean for the rollups, row by row as they are counted. */
export class CallTallies {
  readonly calls = new Tally();
  readonly latency = new Tally();
  /** Of `rollup_sessions_5min`: no events, calls, timed calls, microseconds; and the longest. */
  readonly sessions = new Tally();
  /** Of `rollup_lanes_minute`: none accepted, ended or failed, only microseconds. */
  readonly lanes = new Tally();

  add(row: CallRow): void {
    const minute = sliceOf(row.tsMs, MINUTE_S);
    const name = keyText(row.name);
    const timed = row.durationMs === null ? 0 : 1;
    const micros = row.durationMs === null ? 0 : durationMicros(row.durationMs);
    const errorCode = row.errorCode === null ? '' : keyText(row.errorCode);
    this.calls.add([minute, name, keyText(row.outcome), errorCode], [1, timed, micros]);
    if (timed === 1) this.latency.add([minute, name, latencyBucket(micros)], [1]);
    this.sessions.add(
      [sliceOf(row.tsMs, FIVE_MINUTES_S), keyText(row.sessionId)],
      [0, 1, timed, micros],
      micros,
    );
    this.lanes.add([minute, keyText(row.editor)], [0, 0, 0, micros]);
  }
}

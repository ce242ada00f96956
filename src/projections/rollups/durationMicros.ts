/** A day in microseconds. No call takes longer; what an event claims beyond it would only spoil sums that have to stay exact. */
const MAX_MICROS = 86_400_000_000;

/** A duration in milliseconds as whole microseconds, rounded once, here; from 0 to a day. */
export function durationMicros(durationMs: number): number {
  return Math.min(MAX_MICROS, Math.max(0, Math.round(durationMs * 1_000)));
}

/** Shorter calls share bucket 0, longer ones than the last bound the last bucket. Microseconds. */
const FIRST_BOUND_US = 100;
const HOUR_US = 3_600_000_000;

/** Each bound is at most 7 % above the one before: whole microseconds, rounded down. */
const next = (boundUs: number): number => Math.floor((boundUs * 107) / 100);

function makeBounds(): readonly number[] {
  const bounds = [FIRST_BOUND_US];
  for (let bound = FIRST_BOUND_US; bound <= HOUR_US; bounds.push(bound)) bound = next(bound);
  return bounds;
}

/**
 * Where latency buckets end: bucket i holds durations from bound i - 1 up to but not including bound i, in microseconds. Stored rows
 * count by these numbers, so they may never change: another table of bounds would be another read model.
 */
export const LATENCY_BOUNDS_US: readonly number[] = makeBounds();

/** The bucket of a duration in whole microseconds: 0 to `LATENCY_BOUNDS_US.length`. */
export function latencyBucket(durationUs: number): number {
  let low = 0;
  let high = LATENCY_BOUNDS_US.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (durationUs < (LATENCY_BOUNDS_US[middle] ?? Number.POSITIVE_INFINITY)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * What a bucket stands for, in milliseconds: its middle, so that no duration in it is more than 3.5 % away (from 100 microseconds to an
 * hour; below, at most 50 microseconds). The last bucket has no end: its beginning.
 */
export function latencyBucketMs(bucket: number): number {
  const from = bucket === 0 ? 0 : LATENCY_BOUNDS_US[bucket - 1];
  if (from === undefined) throw new RangeError(`there is no latency bucket ${bucket}`);
  const to = LATENCY_BOUNDS_US[bucket] ?? from;
  return (from + to) / 2_000;
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationMicros } from '../../src/projections/rollups/durationMicros.js';
import {
  LATENCY_BOUNDS_US,
  latencyBucket,
  latencyBucketMs,
} from '../../src/projections/rollups/latencyBuckets.js';
import { ROOT } from '../support/sourceText.js';

const BUCKETS = Array.from({ length: LATENCY_BOUNDS_US.length + 1 }, (_, bucket) => bucket);
const HOUR_US = 3_600_000_000;

/** Nearest rank: the smallest value that as many as `share` of all do not exceed. */
function exactPercentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** The same, as dashboards ask it of the counts by bucket. */
function bucketPercentileMs(durationsUs: readonly number[], share: number): number {
  const counts = new Map<number, number>();
  for (const us of durationsUs) counts.set(latencyBucket(us), (counts.get(latencyBucket(us)) ?? 0) + 1);
  let upTo = 0;
  for (const bucket of BUCKETS) {
    upTo += counts.get(bucket) ?? 0;
    if (upTo >= share * durationsUs.length) return latencyBucketMs(bucket);
  }
  throw new Error('no duration is beyond the last bucket');
}

describe('latency buckets', () => {
  it('are whole microseconds from 100 to beyond an hour, none more than 7 % above the one before', () => {
    expect(LATENCY_BOUNDS_US[0]).toBe(100);
    expect(LATENCY_BOUNDS_US.at(-1)).toBeGreaterThan(HOUR_US);
    expect(LATENCY_BOUNDS_US.length).toBeLessThan(300);
    for (const [i, bound] of LATENCY_BOUNDS_US.entries()) {
      const before = LATENCY_BOUNDS_US[i - 1];
      expect(Number.isSafeInteger(bound)).toBe(true);
      if (before === undefined) continue;
      expect(bound).toBeGreaterThan(before);
      expect(bound / before).toBeLessThanOrEqual(1.07);
    }
  });

  it('given any duration, then its bucket is the one whose bounds it lies between', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 * HOUR_US }), (us) => {
        const bucket = latencyBucket(us);
        expect(us).toBeGreaterThanOrEqual(LATENCY_BOUNDS_US[bucket - 1] ?? 0);
        expect(us).toBeLessThan(LATENCY_BOUNDS_US[bucket] ?? Number.POSITIVE_INFINITY);
      }),
    );
    for (const [i, bound] of LATENCY_BOUNDS_US.entries())
      expect([latencyBucket(bound - 1), latencyBucket(bound)]).toEqual([i, i + 1]);
  });

  it('given calls from 100 microseconds to an hour, then a percentile of the counts is within 7 % of the exact one', () => {
    const exponent = fc.double({ min: 2, max: Math.log10(HOUR_US), noNaN: true });
    fc.assert(
      fc.property(
        fc.array(exponent, { minLength: 1, maxLength: 300 }),
        fc.constantFrom(0.01, 0.5, 0.9, 0.95, 0.99, 1),
        (exponents, share) => {
          const durations = exponents
            .map((power) => Math.max(100, Math.round(10 ** power)))
            .sort((a, b) => a - b);
          const exactMs = exactPercentile(durations, share) / 1_000;
          expect(Math.abs(bucketPercentileMs(durations, share) - exactMs) / exactMs).toBeLessThanOrEqual(
            0.07,
          );
        },
      ),
    );
  });

  it('are the list that spark.latency_bucket_ms holds', () => {
    const file = readdirSync(join(ROOT, 'migrations')).find((name) => name.endsWith('_rollups.sql')) ?? '';
    const sql = readFileSync(join(ROOT, 'migrations', file), 'utf8');
    const [, list] = /RETURN \('\{([\d.,\s]+)\}'::double precision\[\]\)/.exec(sql) ?? [];
    expect(list?.split(',').map(Number)).toEqual(BUCKETS.map(latencyBucketMs));
  });
});

describe('durations', () => {
  it.each([
    [0, 0],
    [12.5, 12_500],
    [0.0004, 0],
    [0.0005, 1],
    [-3, 0],
    [1e30, 86_400_000_000],
  ])('given %d ms, then %d whole microseconds', (ms, us) => {
    expect(durationMicros(ms)).toBe(us);
  });
});

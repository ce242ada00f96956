import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AdaptiveLimit } from '../../src/workers/lanes/adaptiveLimit.js';

const TARGET_QUEUE_MS = 2_000;
const STEP_MS = 250;

/** Editors that finish `perSecond` at most, and no more than is in flight. */
function steps(limit: AdaptiveLimit, perSecond: number, count: number, floor = 1): number[] {
  return Array.from({ length: count }, () => {
    const completed = Math.min(limit.value, (perSecond * STEP_MS) / 1_000);
    return limit.observe({ completed, elapsedMs: STEP_MS, limited: true, floor });
  });
}

describe('the limit of what is in flight', () => {
  it('whatever is observed, never leaves 1 and the maximum, nor moves faster than it says', () => {
    const observation = fc.record({
      completed: fc.nat(100_000),
      elapsedMs: fc.nat(5_000),
      limited: fc.boolean(),
      floor: fc.nat(64),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.array(observation, { maxLength: 60 }),
        (max, all) => {
          const limit = new AdaptiveLimit({ max, targetQueueMs: TARGET_QUEUE_MS });
          for (const one of all) {
            const before = limit.value;
            const now = limit.observe(one);
            expect(now).toBeGreaterThanOrEqual(1);
            expect(now).toBeLessThanOrEqual(max);
            expect(now).toBeLessThanOrEqual(Math.max(one.floor, 2 * before + 1));
            expect(now).toBeGreaterThanOrEqual(Math.floor(0.7 * before) - 1);
            if (!one.limited) expect(now).toBe(before);
          }
        },
      ),
    );
  });

  it('whatever the editors sustain, comes to rest at what they finish in the target time', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 2_000, noNaN: true }), (perSecond) => {
        const limit = new AdaptiveLimit({ max: 2_048, targetQueueMs: TARGET_QUEUE_MS });
        const last = steps(limit, perSecond, 80).slice(-20);
        const sustained = Math.min(2_048, Math.max(1, (perSecond * TARGET_QUEUE_MS) / 1_000));
        for (const value of last)
          expect(Math.abs(value - sustained)).toBeLessThanOrEqual(Math.max(1, 0.05 * sustained));
      }),
    );
  });

  it('given editors that finish nothing, goes down to its floor and no further', () => {
    const limit = new AdaptiveLimit({ max: 2_048, targetQueueMs: TARGET_QUEUE_MS });
    expect(steps(limit, 0, 60).at(-1)).toBe(1);
    expect(steps(limit, 0, 60, 16).at(-1)).toBe(16);
  });

  it('given a slow editor that becomes fast, is at the maximum after some steps', () => {
    const limit = new AdaptiveLimit({ max: 2_048, targetQueueMs: TARGET_QUEUE_MS });
    steps(limit, 0.5, 60);
    expect(limit.value).toBe(1);
    const up = steps(limit, 5_000, 20);
    expect(up.indexOf(2_048)).toBeGreaterThan(0);
    expect(up.indexOf(2_048)).toBeLessThanOrEqual(14);
  });

  it('begins at the maximum, and stays there while it is not met', () => {
    const limit = new AdaptiveLimit({ max: 500, targetQueueMs: TARGET_QUEUE_MS });
    for (let n = 0; n < 20; n++)
      limit.observe({ completed: 1, elapsedMs: STEP_MS, limited: false, floor: 1 });
    expect(limit.value).toBe(500);
  });
});

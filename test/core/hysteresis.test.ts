import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Hysteresis } from '../../src/core/hysteresis.js';

describe('hysteresis', () => {
  it('engages at the high mark, not below', () => {
    const brake = new Hysteresis(10, 5);
    expect(brake.update(9)).toBe(false);
    expect(brake.update(10)).toBe(true);
    expect(brake.engaged).toBe(true);
  });

  it('once engaged, releases at the low mark, not above', () => {
    const brake = new Hysteresis(10, 5);
    brake.update(12);
    expect(brake.update(6)).toBe(true);
    expect(brake.update(5)).toBe(false);
    expect(brake.update(9)).toBe(false);
  });

  it('changes only at a level beyond a mark, and never flaps between them', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (levels) => {
        const brake = new Hysteresis(12, 6);
        for (const level of levels) {
          const before = brake.engaged;
          const after = brake.update(level);
          if (!before && after) expect(level).toBeGreaterThanOrEqual(12);
          if (before && !after) expect(level).toBeLessThanOrEqual(6);
          if (level > 6 && level < 12) expect(after).toBe(before);
        }
      }),
    );
  });

  it.each([
    [5, 5],
    [5, 6],
    [Number.NaN, 1],
  ])('refuses marks in the wrong order: high %d, low %d', (high, low) => {
    expect(() => new Hysteresis(high, low)).toThrow(RangeError);
  });
});

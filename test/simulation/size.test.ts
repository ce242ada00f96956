import { describe, expect, it } from 'vitest';
import { readRegressions } from '../../simulation/regressions.js';
import { SIZES, sizeOf } from '../../simulation/size.js';

describe('the size of a seed', () => {
  it('given any range of a thousand seeds, most are small, a tenth large, a tenth duels', () => {
    for (const from of [1, 5_000, 900_000]) {
      const sizes = Array.from({ length: 1_000 }, (_, at) => sizeOf(from + at));
      const share = (wanted: string): number => sizes.filter((size) => size === wanted).length / 1_000;
      expect(share('large')).toBeCloseTo(0.1, 2);
      expect(share('duel')).toBeCloseTo(0.1, 2);
    }
  });

  it('is kept with every seed that failed once: in another size it would be another run', () => {
    const kept = readRegressions();
    expect(kept.length).toBeGreaterThan(0);
    for (const { size } of kept) expect(SIZES).toContain(size);
  });
});

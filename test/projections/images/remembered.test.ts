import { expect, it } from 'vitest';
import { Remembered } from '../../../src/projections/images/remembered.js';

it('given more keys than it holds, then it knows the newest half for certain, and never more than its limit', () => {
  const remembered = new Remembered(10);
  for (let n = 0; n < 1_000; n++) {
    remembered.add(`key-${n}`);
    const known = Array.from({ length: n + 1 }, (_, i) => i).filter((i) => remembered.has(`key-${i}`));
    expect(known.length).toBeLessThanOrEqual(10);
    expect(known.length).toBeGreaterThanOrEqual(Math.min(n + 1, 5));
    expect(known.at(-1)).toBe(n);
    expect(known).toEqual(known.map((_, i) => n - known.length + 1 + i));
  }
});

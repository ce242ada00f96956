import { describe, expect, it } from 'vitest';
import { runSeed } from '../../simulation/scenario.js';

describe('a seed of the simulation', () => {
  it('is the same run every time: trace and digest', async () => {
    for (const seed of [3, 17, 40]) {
      const first = await runSeed(seed, true);
      const again = await runSeed(seed, true);
      expect(again.trace).toEqual(first.trace);
      expect(again.digest).toBe(first.digest);
      expect((await runSeed(seed)).digest).toBe(first.digest);
    }
  });

  it('is another run than the next one', async () => {
    const digests = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) digests.add((await runSeed(seed)).digest);
    expect(digests.size).toBe(20);
  });

  it('drives real commands to their ends through real faults', async () => {
    const words = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      const { trace, commands, violations } = await runSeed(seed, true);
      expect(violations).toEqual([]);
      expect(commands).toBeGreaterThan(0);
      for (const line of trace) for (const word of line.split(/[ ,]+/)) words.add(word);
    }
    for (const word of [
      'generate_unity_script.completed',
      'undo.completed',
      'preset_apply.completed',
      'killed',
      'stopped',
    ])
      expect(words).toContain(word);
  });
});

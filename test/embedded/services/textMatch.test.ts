import { describe, expect, it } from 'vitest';
import { similarityOf } from '../../../src/embedded/services/textMatch.js';

describe('whether a text shows another', () => {
  it.each([
    ['the same', 'Game Over', 'GAME OVER', true],
    ['it stands among others', 'press start', 'Level 4\nPRESS  START!\n(c) 2026', true],
    ['one letter in ten is misread', 'Continue?', 'C0ntinue', false],
    ['one letter in twenty is misread', 'The quick brown fox jumps', 'The quick brown f0x jumps', true],
    ['another number', 'Level 42 of one hundred', 'Level 43 of one hundred', false],
    ['another text', 'Options', 'Credits', false],
    ['nothing was read', 'Options', '', false],
    ['only signs are asked for', '!!!', '!!!', false],
  ])('given %s, it says so', (_what, expected, text, match) => {
    expect(similarityOf(expected, text).match).toBe(match);
  });

  it('tells how near it is, and 1 only for the whole text', () => {
    expect(similarityOf('abcd', 'xx abcd xx').similarity).toBe(1);
    expect(similarityOf('abcd', 'xx abxd xx').similarity).toBe(0.75);
    expect(similarityOf('abcd', 'zzzz').similarity).toBe(0);
  });
});

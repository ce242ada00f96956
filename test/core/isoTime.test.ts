import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isoTimeMs } from '../../src/core/isoTime.js';

const YEAR_1_MS = Date.parse('0001-01-01T00:00:00.000Z');
const YEAR_9999_MS = Date.parse('9999-12-31T23:59:59.999Z');
const anyMs = fc.integer({ min: YEAR_1_MS, max: YEAR_9999_MS });

describe('a time in ISO 8601', () => {
  it('given any moment as Date writes it, then it is that moment', () => {
    fc.assert(
      fc.property(anyMs, (ms) => {
        expect(isoTimeMs(new Date(ms).toISOString())).toBe(ms);
      }),
    );
  });

  it('given any text of that length, then it is what Date.parse says, NaN where that says so', () => {
    const mutated = fc
      .tuple(
        anyMs,
        fc.array(fc.tuple(fc.nat(23), fc.string({ minLength: 1, maxLength: 1 })), { maxLength: 3 }),
      )
      .map(([ms, changes]) => {
        const chars = [...new Date(ms).toISOString()];
        for (const [at, char] of changes) chars[at] = char;
        return chars.join('');
      });
    fc.assert(
      fc.property(mutated, (text) => {
        expect(isoTimeMs(text)).toBe(Date.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    '2024-02-29T12:00:00.000Z',
    '2023-02-29T12:00:00.000Z',
    '2026-02-31T00:00:00.000Z',
    '2026-04-31T00:00:00.000Z',
    '2026-00-10T00:00:00.000Z',
    '2026-13-10T00:00:00.000Z',
    '2026-12-31T24:00:00.000Z',
    '2026-12-31T23:60:00.000Z',
    '2026-12-31T23:59:60.000Z',
    '2026-11-21T21:30:00Z',
    '2026-11-21T21:30:00.123+02:00',
    '2026-11-21',
    'tomorrow',
    '',
  ])('given %j, then it is what Date.parse says', (text) => {
    expect(isoTimeMs(text)).toBe(Date.parse(text));
  });
});

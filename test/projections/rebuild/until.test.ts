import { describe, expect, it } from 'vitest';
import { parseUntil, schemaNameOf } from '../../../src/projections/rebuild/until.js';

describe('--until', () => {
  it.each([
    ['2026-11-21T12:00:00Z', Date.UTC(2026, 10, 21, 12)],
    ['2026-11-21T12:00:00.123456Z', (Date.UTC(2026, 10, 21, 12, 0, 0, 123) * 1_000 + 456) / 1_000],
    ['2026-11-21T12:00Z', Date.UTC(2026, 10, 21, 12)],
    ['2026-11-21T12:00:00.250+02:00', Date.UTC(2026, 10, 21, 10, 0, 0, 250)],
  ])('given %s, then it is that moment', (text, tsMs) => {
    expect(parseUntil(text)).toEqual({ kind: 'time', tsMs });
  });

  it('given digits, then they are a sequence', () => {
    expect(parseUntil('104857600')).toEqual({ kind: 'seq', seq: 104_857_600 });
  });

  it.each([
    '',
    '0',
    '-5',
    '1e3',
    '2026-11-21',
    '2026-11-21T12:00:00',
    '2026-13-41T99:00:00Z',
    'now',
    '9'.repeat(17),
  ])('given "%s", then it is refused', (text) => {
    expect(() => parseUntil(text)).toThrow(expect.objectContaining({ code: 'bad_until' }));
  });

  it('names a schema that needs no quoting', () => {
    expect(schemaNameOf(parseUntil('2026-11-21T12:00:00Z'))).toBe('spark_until_20261121t120000z');
    expect(schemaNameOf(parseUntil('2026-11-21T12:00:00.250Z'))).toBe('spark_until_20261121t120000250z');
    expect(schemaNameOf(parseUntil('4096'))).toBe('spark_until_4096');
  });
});

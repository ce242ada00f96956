import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commandIdOfKey,
  commandIdOfPosition,
  eventIdOf,
  isToken,
  sha256,
  UUID_PATTERN,
  uuidFrom,
} from '../../src/core/ids.js';

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);

describe('tokens', () => {
  it('are 1 to 64 letters, digits, "_" and "-"', () => {
    fc.assert(fc.property(token, isToken));
    expect(isToken('a'.repeat(64))).toBe(true);
  });

  it.each(['', 'a'.repeat(65), 'a.b', 'a b', '*', '>', 'ä', 'a\n', '\na', 'a/b', 'a\0', 'а'])(
    'refuse %j',
    (text) => {
      expect(isToken(text)).toBe(false);
    },
  );

  it.each([undefined, null, 7, {}, ['a'], new String('a')])('refuse what is no string: %j', (value) => {
    expect(isToken(value)).toBe(false);
  });
});

describe('derived ids', () => {
  it('are UUIDs of version 8 and of the right variant', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (parts) => {
        const id = uuidFrom(...parts);
        expect(id).toMatch(UUID_PATTERN);
        expect(id[14]).toBe('8');
        expect('89ab').toContain(id[19]);
      }),
    );
  });

  it('are the same for the same parts and differ with any of them', () => {
    fc.assert(
      fc.property(token, token, token, token, (session, key, session2, key2) => {
        const id = commandIdOfKey(session, key);
        expect(commandIdOfKey(session, key)).toBe(id);
        expect(commandIdOfKey(session2, key2) === id).toBe(session === session2 && key === key2);
      }),
    );
  });

  it('do not run parts together', () => {
    expect(commandIdOfKey('ab', 'c')).not.toBe(commandIdOfKey('a', 'bc'));
    expect(commandIdOfPosition('t', 1, 12)).not.toBe(commandIdOfPosition('t', 11, 2));
  });

  it('keep keys, positions and events apart', () => {
    expect(uuidFrom('key', 'a', 'b')).not.toBe(uuidFrom('position', 'a', 'b'));
    const id = commandIdOfKey('s', 'k');
    expect(eventIdOf(id, 'x.started')).not.toBe(eventIdOf(id, 'x.completed'));
    expect(eventIdOf(id, 'x.progress', 1)).not.toBe(eventIdOf(id, 'x.progress', 2));
    expect(eventIdOf(id, 'x.started')).toBe(eventIdOf(id, 'x.started', 0));
  });

  it('stay what they were when this was written: clients and logs hold them', () => {
    expect(commandIdOfKey('session-1', 'key-1')).toMatchInlineSnapshot(
      `"f100d718-d7a2-891b-8895-c5554a7f7259"`,
    );
    expect(commandIdOfPosition('2026-03-01T00:00:00Z', 7, 2)).toMatchInlineSnapshot(
      `"c1efb5b0-5f03-87c7-9e01-79397d8a7b8b"`,
    );
  });

  it('hash text by its UTF-8 bytes', () => {
    expect(sha256('é')).toBe(sha256(new TextEncoder().encode('é')));
    expect(sha256('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});

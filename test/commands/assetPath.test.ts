import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkAssetPath } from '../../src/commands/assetPath.js';

const verdict = (path: string) => checkAssetPath(path, ['.cs']);

describe('paths under Assets/', () => {
  it.each([
    'Assets/Player.cs',
    'Assets/Scripts/Player.cs',
    'Assets/a/b/c/d/e/f.cs',
    'Assets/Ünïcödé/スクリプト.cs',
    'Assets/with space/A B.cs',
    'Assets/dots.in.name.cs',
    'Assets/.hidden/x.cs',
    'Assets/Editor/Tool.cs',
    'Assets/(1) [a] {b} !#$&+,;=@_-^`~.cs',
    'Assets/Console.cs',
    'Assets/nullable.cs',
    'Assets/com10.cs',
    'Assets/x.meta.cs',
    `Assets/${'a'.repeat(512 - 'Assets/.cs'.length)}.cs`,
  ])('are taken: %j', (path) => {
    expect(verdict(path)).toEqual({ ok: true });
  });

  const refused: Record<string, string[]> = {
    'dot-dot in every spelling': [
      'Assets/../x.cs',
      'Assets/a/../../x.cs',
      'Assets/./x.cs',
      'Assets/.../x.cs',
      'Assets/..',
      '../Assets/x.cs',
      'Assets/..\\x.cs',
      'Assets/%2e%2e/x.cs',
      'Assets/%2E%2E%2Fx.cs',
      'Assets/\u2024\u2024/x.cs',
      'Assets/\uff0e\uff0e/x.cs',
      'Assets/.\u200b./x.cs',
      'Assets/.. /x.cs',
      'Assets/ ../x.cs',
    ],
    'absolute, drive, UNC, home': [
      '/Assets/x.cs',
      '/etc/passwd.cs',
      'C:/Assets/x.cs',
      'C:Assets/x.cs',
      'Assets/C:/x.cs',
      '//server/share/x.cs',
      '\\\\server\\share\\x.cs',
      '\\Assets\\x.cs',
      '~/Assets/x.cs',
      'file:///Assets/x.cs',
    ],
    'device names': [
      'Assets/CON.cs',
      'Assets/con/x.cs',
      'Assets/nul.txt.cs',
      'Assets/aux.cs',
      'Assets/PRN.cs',
      'Assets/COM1.cs',
      'Assets/lpt9.cs',
      'Assets/COM\u00b9.cs',
      'Assets/CONIN$.cs',
      'Assets/conout$.cs',
      'Assets/con .cs',
      'Assets/nul  .x.cs',
    ],
    'alternate data streams and reserved characters': [
      'Assets/x.cs:stream',
      'Assets/x.cs::$DATA',
      'Assets/*.cs',
      'Assets/?.cs',
      'Assets/"x".cs',
      'Assets/<x>.cs',
      'Assets/a|b.cs',
    ],
    'trailing dots and spaces': [
      'Assets/a./x.cs',
      'Assets/a /x.cs',
      'Assets/x.cs.',
      'Assets/x.cs ',
      'Assets/ x.cs',
    ],
    'control characters': [
      'Assets/\0.cs',
      'Assets/a\r.cs',
      'Assets/a\n.cs',
      'Assets/\u001b[31m.cs',
      'Assets/\u007f.cs',
      'Assets/\u0085.cs',
    ],
    'bidi, zero-width and other invisible characters': [
      'Assets/\u202esc.cs',
      'Assets/\u2066a.cs',
      'Assets/a\u200bb.cs',
      'Assets/a\u200db.cs',
      'Assets/\ufeffa.cs',
      'Assets/a\u00adb.cs',
      'Assets/a\u180eb.cs',
      'Assets/a\u2028b.cs',
      'Assets/a\u{e0061}b.cs',
      'Assets/a\ufe0fb.cs',
    ],
    'look-alike separators': [
      'Assets\u2215x.cs',
      'Assets\u2044x.cs',
      'Assets/a\uff0fb.cs',
      'Assets/a\uff3cb.cs',
      'Assets/a\u29f8b.cs',
    ],
    'non-NFC': ['Assets/e\u0301.cs', 'Assets/\u212b.cs', 'Assets/A\u030a.cs'],
    'look-alike Assets': [
      '\u0410ssets/x.cs',
      'assets/x.cs',
      'ASSETS/x.cs',
      'Asset\u0455/x.cs',
      'Assets',
      'Assetsx/y.cs',
      'Packages/x.cs',
      'Uploads/x.cs',
      ' Assets/x.cs',
    ],
    'empty segments': ['', 'Assets/', 'Assets//x.cs', 'Assets/a//b.cs', 'Assets/x.cs/'],
    'encoded and lone surrogates': ['Assets/a%00.cs', 'Assets/%41.cs', 'Assets/\ud800.cs'],
    '.meta and other endings': [
      'Assets/x.cs.meta',
      'Assets/x.META',
      'Assets/x.dll',
      'Assets/csc.rsp',
      'Assets/x.CS',
      'Assets/x.cs.txt',
      'Assets/x',
      'Assets/xcs',
    ],
    'over-long': [`Assets/${'a'.repeat(513 - 'Assets/.cs'.length)}.cs`, `Assets/${'é'.repeat(260)}.cs`],
  };
  for (const [why, paths] of Object.entries(refused))
    it.each(paths)(`are refused for ${why}: %j`, (path) => {
      expect(verdict(path)).toEqual({ ok: false, reason: expect.stringMatching(/.+/) });
    });

  it('given no list of endings, take any but .meta', () => {
    expect(checkAssetPath('Assets/a.png')).toEqual({ ok: true });
    expect(checkAssetPath('Assets/a.png.meta').ok).toBe(false);
    expect(checkAssetPath('Assets/Main.unity', ['.unity'])).toEqual({ ok: true });
  });

  it('given anything at all, are taken only when they read in one way and stay inside', () => {
    const part = fc.oneof(
      fc.constantFrom(
        'Assets',
        'assets',
        '..',
        '.',
        '',
        'x.cs',
        'con',
        '/',
        '\\',
        '%2e',
        '\u202e',
        ' ',
        '.cs',
        'a',
      ),
      fc.string({ unit: 'binary', maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.constantFrom('/', ''), (parts, separator) => {
        const path = parts.join(separator);
        const { ok } = checkAssetPath(path, ['.cs']);
        if (!ok) return;
        expect(path.startsWith('Assets/')).toBe(true);
        expect(path.endsWith('.cs')).toBe(true);
        expect(path.split('/').every((segment) => segment !== '' && !/^\.+$/.test(segment))).toBe(true);
        expect(new URL(encodeURI(path), 'file:///project/').pathname.startsWith('/project/Assets/')).toBe(
          true,
        );
        expect(path.normalize('NFC')).toBe(path);
        expect(/[\p{Cc}\p{Cf}\\:*?"<>|%]/u.test(path)).toBe(false);
        expect(Buffer.byteLength(path)).toBeLessThanOrEqual(512);
      }),
      { numRuns: 1_000 },
    );
  });

  it('given plain names, are always taken', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{4,20}$/);
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 8 }), (names) => {
        expect(checkAssetPath(`Assets/${names.join('/')}.cs`, ['.cs'])).toEqual({ ok: true });
      }),
    );
  });
});

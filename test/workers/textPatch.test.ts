import { createTwoFilesPatch } from 'diff';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TextEdit } from '../../src/commands/applyPatch.js';
import { patchText } from '../../src/workers/execute/textPatch.js';

const edit = (
  startLine: number,
  startCol: number,
  endLine: number,
  endCol: number,
  newText: string,
): TextEdit => ({
  startLine,
  startCol,
  endLine,
  endCol,
  newText,
});
const edited = (text: string, ...edits: TextEdit[]) => patchText(text, { edits });
const diffOf = (before: string, after: string) =>
  createTwoFilesPatch('a/x.cs', 'b/x.cs', before, after, '', '', { context: 3 });

describe('edits', () => {
  it.each([
    ['inserts at the very start', 'ab', edit(1, 1, 1, 1, 'x'), 'xab'],
    ['inserts at the end of a line', 'ab\ncd', edit(1, 3, 1, 3, 'x'), 'abx\ncd'],
    ['inserts at the end of the file', 'ab', edit(1, 3, 1, 3, 'x'), 'abx'],
    ['inserts after the last line break', 'ab\n', edit(2, 1, 2, 1, 'x'), 'ab\nx'],
    ['replaces within a line', 'abcd', edit(1, 2, 1, 4, 'x'), 'axd'],
    ['deletes over lines', 'ab\ncd\nef', edit(1, 2, 3, 2, ''), 'af'],
    ['writes into an empty file', '', edit(1, 1, 1, 1, 'x'), 'x'],
    ['leaves CRLF as it is', 'ab\r\ncd\r\n', edit(2, 1, 2, 3, 'xy'), 'ab\r\nxy\r\n'],
    ['joins CRLF lines', 'ab\r\ncd', edit(1, 3, 2, 1, ''), 'abcd'],
    ['takes a lone CR as a line end', 'ab\rcd', edit(2, 1, 2, 2, 'x'), 'ab\rxd'],
    ['counts columns in UTF-16 units', '🎮b', edit(1, 3, 1, 4, 'x'), '🎮x'],
    ['keeps a byte order mark', '\ufeffab', edit(1, 2, 1, 3, 'x'), '\ufeffxb'],
  ])('%s', (_what, text, change, result) => {
    expect(edited(text, change)).toEqual({ ok: true, text: result });
  });

  it('apply together to the text as it was, in whatever order they come', () => {
    const first = edit(1, 1, 1, 2, 'X');
    const second = edit(2, 1, 2, 1, 'Y');
    expect(edited('ab\ncd', first, second)).toEqual({ ok: true, text: 'Xb\nYcd' });
    expect(edited('ab\ncd', second, first)).toEqual({ ok: true, text: 'Xb\nYcd' });
  });

  it('may touch each other', () => {
    expect(edited('abcd', edit(1, 1, 1, 3, 'x'), edit(1, 3, 1, 5, 'y'))).toEqual({ ok: true, text: 'xy' });
  });

  it.each([
    ['one inside another', [edit(1, 1, 1, 4, 'x'), edit(1, 2, 1, 3, 'y')]],
    ['crossing', [edit(1, 1, 1, 3, 'x'), edit(1, 2, 1, 4, 'y')]],
    ['the same twice', [edit(1, 1, 1, 2, 'x'), edit(1, 1, 1, 2, 'y')]],
  ])('that overlap (%s) are refused', (_what, edits) => {
    expect(edited('abcd', ...edits)).toEqual({ ok: false, message: 'two edits overlap' });
  });

  it.each([
    ['a line beyond the end', edit(3, 1, 3, 1, '')],
    ['a column beyond the line', edit(1, 4, 1, 4, '')],
    ['a column within CRLF', edit(1, 4, 1, 4, '')],
    ['an end before the start', edit(1, 3, 1, 1, '')],
  ])('outside the file (%s) are refused by number', (_what, change) => {
    expect(edited('ab\r\ncd', edit(1, 1, 1, 1, 'ok'), change)).toMatchObject({
      ok: false,
      message: expect.stringContaining('edit 1'),
    });
  });

  it('given any text and place, do what cutting and pasting does', () => {
    const text = fc
      .array(fc.constantFrom('a', 'é', '🎮', '\n', '\r\n', ' '), { maxLength: 30 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.nat(), fc.nat(), fc.string(), (before, a, b, newText) => {
        const starts = [0, ...[...before.matchAll(/\r\n|\n/g)].map((match) => match.index + match[0].length)];
        const place = (pick: number) => {
          const line = pick % starts.length;
          const start = starts[line] ?? 0;
          const length = before.slice(start, starts[line + 1]).replace(/\r?\n$/, '').length;
          const column = Math.floor(pick / starts.length) % (length + 1);
          return { line: line + 1, col: column + 1, offset: start + column };
        };
        const [from, to] = [place(a), place(b)].sort((x, y) => x.offset - y.offset);
        if (!from || !to) throw new Error('two places');
        expect(edited(before, edit(from.line, from.col, to.line, to.col, newText))).toEqual({
          ok: true,
          text: before.slice(0, from.offset) + newText + before.slice(to.offset),
        });
      }),
    );
  });
});

describe('unified diffs', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', '{', '}', '', '  x();'), { maxLength: 12 });
  const body = (end: string) =>
    fc.tuple(lines, fc.boolean()).map(([all, last]) => all.join(end) + (last ? end : ''));

  it('given the diff of any two texts, lead from the first to the second', () => {
    fc.assert(
      fc.property(body('\n'), body('\n'), (before, after) => {
        fc.pre(before !== after);
        expect(patchText(before, { patch: diffOf(before, after) })).toEqual({ ok: true, text: after });
      }),
    );
  });

  it('written with LF, apply to a CRLF file and keep its line ends', () => {
    expect(patchText('a\r\nb\r\nc\r\n', { patch: diffOf('a\nb\nc\n', 'a\nB\nc\n') })).toEqual({
      ok: true,
      text: 'a\r\nB\r\nc\r\n',
    });
  });

  it('made for a file with CRLF, apply to it', () => {
    expect(patchText('a\r\nb\r\n', { patch: diffOf('a\r\nb\r\n', 'a\r\nc\r\n') })).toEqual({
      ok: true,
      text: 'a\r\nc\r\n',
    });
  });

  it.each([
    ['whose context is not there', diffOf('x\ny\nz\n', 'x\nY\nz\n')],
    ['with nothing in it', ''],
    ['that is prose', 'please change b to c'],
    ['of two files', diffOf('a\n', 'b\n') + diffOf('a\n', 'c\n')],
    ['with a broken hunk', '--- a\n+++ b\n@@ -1,9 +1,9 @@\n a\n'],
  ])('%s are refused with a reason', (_what, patch) => {
    expect(patchText('a\nb\nc\n', { patch })).toEqual({ ok: false, message: expect.stringMatching(/.+/) });
  });

  it('that fit only roughly are refused: no fuzz', () => {
    const patch = diffOf('a\nb\nc\nd\n', 'a\nb\nC\nd\n');
    expect(patchText('a\nX\nc\nd\n', { patch }).ok).toBe(false);
  });
});

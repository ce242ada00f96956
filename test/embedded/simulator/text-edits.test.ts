import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applySplices,
  backToFront,
  findOverlap,
  firstUsingOffset,
  lineStarts,
  locate,
  offsetOf,
  type TextEdit,
} from '../../../src/embedded/simulator/text-edits.js';

/** The model: a string, its UTF-16 indices, and positions found by walking it character by character. */
function positionAt(text: string, index: number): { line: number; column: number } | undefined {
  let line = 1;
  let column = 1;
  for (let at = 0; at < index; at += 1) {
    const char = text[at];
    if (char === '\n' || (char === '\r' && text[at + 1] !== '\n')) {
      line += 1;
      column = 1;
    } else if (char !== '\r') {
      column += 1;
    }
  }
  const betweenCrAndLf = text[index - 1] === '\r' && text[index] === '\n';
  const insidePair = (text.codePointAt(index - 1) ?? 0) > 0xffff && index > 0;
  return betweenCrAndLf || insidePair ? undefined : { line, column };
}

const piece = fc.constantFrom('a', 'Z', '{', ' ', '\n', '\r\n', '\r', 'ä', '日', '🎮', '\ufeff', '\t');
const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));

describe('text edits', () => {
  it('given any text and ranges that do not overlap, applying them equals splicing the string', () => {
    const given = fc.record({
      old: text,
      cuts: fc.uniqueArray(fc.nat(80), { maxLength: 8 }),
      inserted: fc.array(text, { minLength: 4, maxLength: 4 }),
      shuffle: fc.boolean(),
    });
    fc.assert(
      fc.property(given, ({ old, cuts, inserted, shuffle }) => {
        const places = [...new Set(cuts)]
          .filter((index) => index <= old.length && positionAt(old, index) !== undefined)
          .sort((a, b) => a - b);
        const edits: TextEdit[] = [];
        let expected = old;
        for (let pair = Math.floor(places.length / 2) - 1; pair >= 0; pair -= 1) {
          const [from, to] = [places[2 * pair] ?? 0, places[2 * pair + 1] ?? 0];
          const [start, end] = [positionAt(old, from), positionAt(old, to)];
          if (start === undefined || end === undefined) throw new Error('unreachable: filtered above');
          const newText = inserted[pair] ?? '';
          expected = expected.slice(0, from) + newText + expected.slice(to);
          edits.push({
            startLine: start.line,
            startCol: start.column,
            endLine: end.line,
            endCol: end.column,
            newText,
          });
        }
        const bytes = Buffer.from(old, 'utf8');
        const located = locate(bytes, shuffle ? edits.reverse() : edits);
        if (located.kind !== 'located') throw new Error(JSON.stringify(located));
        const ordered = backToFront(located.splices);
        expect(findOverlap(ordered)).toBeUndefined();
        expect(applySplices(bytes, ordered).equals(Buffer.from(expected, 'utf8'))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('given any bytes at all, an edit leaves every byte outside its range as it was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(), fc.nat(), (raw, a, b) => {
        const bytes = Buffer.from(raw);
        const starts = lineStarts(bytes);
        const [line, column] = [(a % starts.length) + 1, (b % 10) + 1];
        const at = offsetOf(bytes, starts, line, column);
        const edit = { startLine: line, startCol: column, endLine: line, endCol: column, newText: 'new' };
        const located = locate(bytes, [edit]);
        if (at === undefined) {
          expect(located.kind).toBe('out_of_range');
          return;
        }
        if (located.kind !== 'located') throw new Error('a position that exists was not found');
        const result = applySplices(bytes, located.splices);
        expect(result.subarray(0, at).equals(bytes.subarray(0, at))).toBe(true);
        expect(result.subarray(at + 3).equals(bytes.subarray(at))).toBe(true);
      }),
    );
  });

  it('given a position past the end of a line or of the file, it is out of range', () => {
    const bytes = Buffer.from('ab\r\nc');
    const at = (line: number, column: number) => offsetOf(bytes, lineStarts(bytes), line, column);
    expect([at(1, 1), at(1, 3), at(2, 1), at(2, 2)]).toEqual([0, 2, 4, 5]);
    expect([at(1, 4), at(2, 3), at(3, 1)]).toEqual([undefined, undefined, undefined]);
  });

  it('given two ranges that share characters, they overlap; given ranges that touch, they do not', () => {
    const edit = (from: number, to: number) => ({
      startLine: 1,
      startCol: from,
      endLine: 1,
      endCol: to,
      newText: '',
    });
    const overlapOf = (edits: TextEdit[]) => {
      const located = locate(Buffer.from('abcdef'), edits);
      return located.kind === 'located' ? findOverlap(backToFront(located.splices)) : undefined;
    };
    expect(overlapOf([edit(1, 4), edit(3, 5)])).toBeDefined();
    expect(overlapOf([edit(1, 3), edit(3, 5)])).toBeUndefined();
  });

  it('given a comment, a BOM or blank lines before the first using, only the comment is before its line', () => {
    expect(firstUsingOffset(Buffer.from('// licence ä\nusing System;\n'))).toBe(
      Buffer.byteLength('// licence ä\n'),
    );
    expect(firstUsingOffset(Buffer.from('\ufeffusing System;\n'))).toBe(0);
    expect(firstUsingOffset(Buffer.from('\n\nusing static System.Math;\n'))).toBe(0);
    expect(firstUsingOffset(Buffer.from('class A {}\n'))).toBe(0);
  });
});

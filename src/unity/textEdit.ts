import { isSplit } from './cutPlaces.js';

/** One edit as `apply_text_edits` takes it: lines and columns from 1, columns in UTF-16 units; CRLF, CR and LF each end a line. */
export interface TextEdit {
  readonly startLine: number;
  readonly startCol: number;
  readonly endLine: number;
  readonly endCol: number;
  readonly newText: string;
}

/** A half-open range of the old text and what replaces it. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The smallest single replacement that turns one text into the other, never cutting a CRLF or a surrogate pair. */
export function smallestReplacement(before: string, after: string): Replacement {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start += 1;
  while (start > 0 && (isSplit(before, start) || isSplit(after, start))) start -= 1;
  let tail = 0;
  while (
    tail < shorter - start &&
    before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)
  ) {
    tail += 1;
  }
  while (tail > 0 && (isSplit(before, before.length - tail) || isSplit(after, after.length - tail)))
    tail -= 1;
  return { start, end: before.length - tail, text: after.slice(start, after.length - tail) };
}

/**
 * The edits of one call. Besides the replacement there is an empty one at the end of the text: Unity turns a call with a
 * single edit near a method header into a "replace method" that lays the text out anew, and never does so with two.
 */
export function editsOf(before: string, replacement: Replacement): TextEdit[] {
  const [start, end, last] = positionsOf(before, [replacement.start, replacement.end, before.length]);
  return [
    {
      startLine: start.line,
      startCol: start.col,
      endLine: end.line,
      endCol: end.col,
      newText: replacement.text,
    },
    { startLine: last.line, startCol: last.col, endLine: last.line, endCol: last.col, newText: '' },
  ];
}

interface Position {
  readonly line: number;
  readonly col: number;
}

/** The positions of three ascending offsets. */
function positionsOf(
  text: string,
  offsets: readonly [number, number, number],
): [Position, Position, Position] {
  let line = 1;
  let lineStart = 0;
  let at = 0;
  const advance = (to: number): Position => {
    for (; at < to; at += 1) {
      const code = text.charCodeAt(at);
      if (code === 10 || (code === 13 && text.charCodeAt(at + 1) !== 10)) {
        line += 1;
        lineStart = at + 1;
      }
    }
    return { line, col: to - lineStart + 1 };
  };
  return [advance(offsets[0]), advance(offsets[1]), advance(offsets[2])];
}

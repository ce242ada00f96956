/**
 * Range edits on the bytes of a script, as `apply_text_edits` addresses them: 1-based lines and columns, a column
 * is one UTF-16 unit, and CRLF, LF and CR each end a line. Working on bytes (not on decoded text) keeps a BOM, mixed
 * line ends and even invalid UTF-8 outside the edited ranges exactly as they were.
 */
export interface TextEdit {
  readonly startLine: number;
  readonly startCol: number;
  readonly endLine: number;
  readonly endCol: number;
  readonly newText: string;
}

/** A half-open byte range of the old text and what takes its place. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: Buffer;
}

const CR = 13;
const LF = 10;

/** Byte offset where each line begins; line n (1-based) is at index n - 1. */
export function lineStarts(bytes: Uint8Array): number[] {
  const starts = [0];
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === LF || (byte === CR && bytes[at + 1] !== LF)) starts.push(at + 1);
  }
  return starts;
}

/** How many bytes and UTF-16 units the character at `at` takes; a stray byte counts as one of each. */
function characterAt(bytes: Uint8Array, at: number): { bytes: number; units: number } {
  const lead = bytes[at] ?? 0;
  const length = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
  if (length === 1 || lead >= 0xf5) return { bytes: 1, units: 1 };
  for (let next = 1; next < length; next += 1) {
    if (((bytes[at + next] ?? 0) & 0xc0) !== 0x80) return { bytes: 1, units: 1 };
  }
  return { bytes: length, units: length === 4 ? 2 : 1 };
}

/** The byte offset of a position, or undefined when the text has no such place (or it would split a character). */
export function offsetOf(
  bytes: Uint8Array,
  starts: readonly number[],
  line: number,
  column: number,
): number | undefined {
  const start = starts[line - 1];
  if (start === undefined) return undefined;
  let at = start;
  let reached = 1;
  while (reached < column) {
    const byte = bytes[at];
    if (byte === undefined || byte === LF || byte === CR) return undefined;
    const character = characterAt(bytes, at);
    at += character.bytes;
    reached += character.units;
  }
  return reached === column ? at : undefined;
}

export type Located =
  | { readonly kind: 'located'; readonly splices: readonly Splice[] }
  | {
      readonly kind: 'out_of_range';
      readonly which: 'start' | 'end';
      readonly line: number;
      readonly column: number;
    };

/** Turns edits into byte ranges of the current text, in the order given; a reversed range is swapped, as Unity does. */
export function locate(bytes: Uint8Array, edits: readonly TextEdit[]): Located {
  const starts = lineStarts(bytes);
  const splices: Splice[] = [];
  for (const edit of edits) {
    const from = offsetOf(bytes, starts, edit.startLine, edit.startCol);
    if (from === undefined) {
      return { kind: 'out_of_range', which: 'start', line: edit.startLine, column: edit.startCol };
    }
    const to = offsetOf(bytes, starts, edit.endLine, edit.endCol);
    if (to === undefined) {
      return { kind: 'out_of_range', which: 'end', line: edit.endLine, column: edit.endCol };
    }
    splices.push({
      start: Math.min(from, to),
      end: Math.max(from, to),
      text: Buffer.from(edit.newText, 'utf8'),
    });
  }
  return { kind: 'located', splices };
}

/** Last range first, ties in the order given: the order in which they are applied. */
export function backToFront(splices: readonly Splice[]): Splice[] {
  return [...splices].sort((a, b) => b.start - a.start);
}

/** The first two ranges that overlap, earlier one first; `ordered` comes from {@link backToFront}. */
export function findOverlap(ordered: readonly Splice[]): readonly [Splice, Splice] | undefined {
  for (let at = 1; at < ordered.length; at += 1) {
    const earlier = ordered[at];
    const later = ordered[at - 1];
    if (earlier !== undefined && later !== undefined && earlier.end > later.start) return [earlier, later];
  }
  return undefined;
}

/** Applies ranges that do not overlap; `ordered` comes from {@link backToFront}. */
export function applySplices(bytes: Buffer, ordered: readonly Splice[]): Buffer {
  const pieces: Buffer[] = [];
  let end = bytes.length;
  for (const splice of ordered) {
    pieces.push(bytes.subarray(splice.end, end), splice.text);
    end = splice.start;
  }
  pieces.push(bytes.subarray(0, end));
  return Buffer.concat(pieces.reverse());
}

const FIRST_USING = /^\s*using\s+(?:static\s+)?(?:[A-Za-z_]\w*\s*=\s*)?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\s*;/m;

/** Byte offset of the first `using` line (blank lines and a BOM right before it belong to it), or 0 without one. */
export function firstUsingOffset(bytes: Buffer): number {
  const text = bytes.toString('utf8');
  const found = FIRST_USING.exec(text);
  return found === null ? 0 : Buffer.byteLength(text.slice(0, found.index), 'utf8');
}

/**
 * `apply_text_edits` refuses (`using_guard`) an edit that starts before the first `using` directive of the current text. The
 * editor finds that line with a .NET regex, other servers with their own: where they could differ, the later place counts.
 * Searched line by line: the regex itself (`^\s*using…`) takes quadratic time on a long run of blank lines.
 */
const DIRECTIVE =
  /using\s+(?:static\s+)?(?:[A-Za-z_][\p{L}\p{N}_]*\s*=\s*)?[A-Za-z_][\p{L}\p{N}_]*(?:\.[A-Za-z_][\p{L}\p{N}_]*)*\s*;/uy;
const NOT_SPACE = /\S/g;
/** What ends a line for JavaScript's and Python's `^`, and for .NET's. */
const ANY_LINE_END = /[\n\r\u2028\u2029]/g;
const LF_LINE_END = /\n/g;
const BOM = '\ufeff';

/** Where the first edit may start: the offset of the first `using` directive (with the white space before it), else 0. */
export function usingBoundary(text: string): number {
  const marked = text.startsWith(BOM);
  const bare = marked ? text.slice(1) : text;
  const first = Math.max(firstDirective(bare, ANY_LINE_END), firstDirective(bare, LF_LINE_END));
  return marked && first > 0 ? first + 1 : first;
}

function firstDirective(text: string, lineEnd: RegExp): number {
  let lineStart = 0;
  while (lineStart < text.length) {
    const token = find(NOT_SPACE, text, lineStart);
    if (token < 0) return 0;
    DIRECTIVE.lastIndex = token;
    if (DIRECTIVE.test(text)) return lineStart;
    const end = find(lineEnd, text, token);
    if (end < 0) return 0;
    lineStart = end + 1;
  }
  return 0;
}

function find(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? -1;
}

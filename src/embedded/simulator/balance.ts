/**
 * Checks that brackets match in C# text while skipping comments, preprocessor lines, characters and every kind of
 * string (regular, verbatim, raw, interpolated with holes). It is a lexer, not a parser: it only knows what must not
 * be mistaken for a bracket.
 */
export type Balance =
  | { readonly balanced: true }
  | { readonly balanced: false; readonly line: number; readonly expected: string };

const CLOSER: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };
const OPENER: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/** Whether all brackets of the text match; if not, the 1-based line where it shows and what would have fitted. */
export function checkBalance(text: string): Balance {
  try {
    return scan(text);
  } catch (error) {
    // Strings nested in holes nested in strings … deep enough to exhaust the stack: no program looks like that.
    if (error instanceof RangeError) return { balanced: false, line: 1, expected: '}' };
    throw error;
  }
}

function scan(text: string): Balance {
  const open: string[] = [];
  let at = 0;
  while (at < text.length) {
    const skipped = skipNonCode(text, at);
    if (skipped > at) {
      at = skipped;
      continue;
    }
    const char = text.charAt(at);
    const closer = CLOSER[char];
    if (closer !== undefined) {
      open.push(closer);
    } else if (OPENER[char] !== undefined) {
      const top = open.pop();
      if (top === undefined) return { balanced: false, line: lineOf(text, at), expected: OPENER[char] };
      if (top !== char) return { balanced: false, line: lineOf(text, at), expected: top };
    }
    at += 1;
  }
  const left = open.at(-1);
  if (left === undefined) return { balanced: true };
  return { balanced: false, line: lineOf(text, text.length), expected: left };
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split(/\r\n|\r|\n/).length;
}

/** The position after the comment, string, character or directive that begins at `at`; `at` itself if none does. */
function skipNonCode(text: string, at: number): number {
  const char = text.charAt(at);
  if (char === '/') return skipComment(text, at);
  if (char === '#') return startsLine(text, at) ? endOfLine(text, at) : at;
  if (char === "'") return skipCharacter(text, at);
  if (char === '"' || char === '@' || char === '$') return skipString(text, at);
  return at;
}

function skipComment(text: string, at: number): number {
  const next = text.charAt(at + 1);
  if (next === '/') return endOfLine(text, at);
  if (next !== '*') return at;
  const end = text.indexOf('*/', at + 2);
  return end < 0 ? text.length : end + 2;
}

function endOfLine(text: string, at: number): number {
  let end = at;
  while (end < text.length && text[end] !== '\n' && text[end] !== '\r') end += 1;
  return end;
}

function startsLine(text: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && (text[before] === ' ' || text[before] === '\t' || text[before] === '\ufeff'))
    before -= 1;
  return before < 0 || text[before] === '\n' || text[before] === '\r';
}

function skipCharacter(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && text[end] !== "'" && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1;
  return Math.min(end + 1, text.length);
}

function skipString(text: string, at: number): number {
  let start = at;
  let dollars = 0;
  let verbatim = false;
  for (; text[start] === '$' || text[start] === '@'; start += 1) {
    if (text[start] === '$') dollars += 1;
    else verbatim = true;
  }
  if (text[start] !== '"') return at;
  let quotes = 0;
  while (text[start + quotes] === '"') quotes += 1;
  if (!verbatim && quotes >= 3) return skipRawString(text, start + quotes, quotes, dollars);
  return skipQuoted(text, start + 1, verbatim, dollars > 0);
}

function skipQuoted(text: string, from: number, verbatim: boolean, interpolated: boolean): number {
  let at = from;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '"') {
      if (!verbatim || text[at + 1] !== '"') return at + 1;
      at += 2;
    } else if (char === '\\' && !verbatim) {
      at += 2;
    } else if (char === '\n' && !verbatim) {
      return at;
    } else if (interpolated && char === '{') {
      at = text[at + 1] === '{' ? at + 2 : skipHole(text, at + 1, 1);
    } else {
      at += 1;
    }
  }
  return text.length;
}

/** Raw strings end at as many quotes as they began with; a hole opens at as many braces as there are dollars. */
function skipRawString(text: string, from: number, quotes: number, dollars: number): number {
  const end = '"'.repeat(quotes);
  const hole = dollars > 0 ? '{'.repeat(dollars) : undefined;
  let at = from;
  while (at < text.length) {
    if (text.startsWith(end, at)) {
      at += quotes;
      while (text[at] === '"') at += 1;
      return at;
    }
    if (hole !== undefined && text.startsWith(hole, at)) at = skipHole(text, at + dollars, dollars);
    else at += 1;
  }
  return text.length;
}

/** The position after the braces that close an interpolation hole, itself code with strings of its own. */
function skipHole(text: string, from: number, braces: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const skipped = skipNonCode(text, at);
    if (skipped > at) {
      at = skipped;
      continue;
    }
    if (text[at] === '{') depth += 1;
    if (text[at] === '}') {
      if (depth === 0) return at + braces;
      depth -= 1;
    }
    at += 1;
  }
  return text.length;
}

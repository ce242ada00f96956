/**
 * Where a C# literal ends: `"…"`, `@"…"`, `$"…"`, `$@"…"`, `"""…"""`, `$$"""…"""`, `'x'`. Two readings, because two readers
 * judge the same text: `unity` is how the editor's own lexer (ManageScript.cs, CSharpLexer) sees it, `csharp` how the language
 * does. They differ where a line ends inside a literal and in nested holes.
 */
export type Reading = 'unity' | 'csharp';

export interface Literal {
  readonly kind: 'plain' | 'verbatim' | 'other';
  /** Where the content begins. */
  readonly content: number;
  /** Just after the closing quote, or the end of the text. */
  readonly end: number;
}

const NO_LITERAL: Literal | null = null;

/** The literal that begins at `at`, or null. */
export function literalAt(text: string, at: number, reading: Reading): Literal | null {
  const first = text.charCodeAt(at);
  if (first === 0x27) return { kind: 'other', content: at + 1, end: endOfQuoted(text, at + 1, "'", reading) };
  if (first !== 0x22 && first !== 0x40 && first !== 0x24) return NO_LITERAL;
  let open = at;
  let dollars = 0;
  let verbatims = 0;
  for (; text[open] === '$' || text[open] === '@'; open += 1) {
    if (text[open] === '$') dollars += 1;
    else verbatims += 1;
  }
  if (text[open] !== '"' || verbatims > 1 || (verbatims === 1 && dollars > 1)) return NO_LITERAL;
  const quotes = run(text, open, '"');
  if (verbatims === 0 && quotes >= 3) return raw(text, open + quotes, quotes, dollars, reading);
  if (dollars > 1) return NO_LITERAL;
  const content = open + 1;
  if (dollars === 1)
    return { kind: 'other', content, end: endOfInterpolated(text, content, verbatims === 1, reading) };
  if (verbatims === 1) return { kind: 'verbatim', content, end: endOfVerbatim(text, content) };
  return { kind: 'plain', content, end: endOfQuoted(text, content, '"', reading) };
}

function run(text: string, at: number, char: string): number {
  let length = 0;
  while (text[at + length] === char) length += 1;
  return length;
}

function endOfQuoted(text: string, from: number, quote: string, reading: Reading): number {
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\\') at += 1;
    else if (char === quote) return at + 1;
    else if (reading === 'csharp' && (char === '\n' || char === '\r')) return at;
  }
  return text.length;
}

function endOfVerbatim(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) {
    if (text[at + 1] !== '"') return at + 1;
  }
  return text.length;
}

function raw(text: string, content: number, quotes: number, dollars: number, reading: Reading): Literal {
  let at = content;
  while (at < text.length) {
    const char = text[at];
    if (char === '"') {
      const length = run(text, at, '"');
      if (length >= quotes) {
        // The language lets quotes of the content stand right before the closing ones; Unity's lexer closes at the first.
        return { kind: 'other', content, end: reading === 'unity' ? at + quotes : at + length };
      }
      at += length;
    } else if (dollars > 0 && char === '{') {
      const length = run(text, at, '{');
      if (length < dollars) at += length;
      else at = endOfHole(text, at + (reading === 'unity' ? dollars : length), dollars, reading);
    } else at += 1;
  }
  return { kind: 'other', content, end: text.length };
}

function endOfInterpolated(text: string, from: number, verbatim: boolean, reading: Reading): number {
  let at = from;
  while (at < text.length) {
    const char = text[at];
    if ((char === '{' || char === '}') && text[at + 1] === char) at += 2;
    else if (char === '{') at = endOfHole(text, at + 1, 1, reading);
    else if (char === '"') {
      if (!verbatim || text[at + 1] !== '"') return at + 1;
      at += 2;
    } else if (char === '\\' && !verbatim) at += 2;
    else if (reading === 'csharp' && !verbatim && (char === '\n' || char === '\r')) return at;
    else at += 1;
  }
  return text.length;
}

/** After the braces that close an interpolation hole. */
function endOfHole(text: string, from: number, braces: number, reading: Reading): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const char = text[at];
    if (char === '{') depth += 1;
    else if (char === '}') {
      // Unity's lexer leaves the hole at the first closing brace, however many dollars there are.
      if (depth === 0) return at + (reading === 'unity' ? 1 : braces);
      depth -= 1;
    } else {
      const end = endOfNonCode(text, at, reading);
      if (end > at) {
        at = end;
        continue;
      }
    }
    at += 1;
  }
  return text.length;
}

function endOfNonCode(text: string, at: number, reading: Reading): number {
  const char = text[at];
  if (char === '/') return endOfComment(text, at) ?? at;
  if (reading === 'csharp') return literalAt(text, at, reading)?.end ?? at;
  return char === '"' || char === "'" ? endOfQuoted(text, at + 1, char, reading) : at;
}

/** After the comment that begins at `at`, or null. A line comment ends before its line end. */
export function endOfComment(text: string, at: number): number | null {
  if (text[at] !== '/') return null;
  if (text[at + 1] === '*') {
    const end = text.indexOf('*/', at + 2);
    return end < 0 ? text.length : end + 2;
  }
  if (text[at + 1] !== '/') return null;
  return endOfLine(text, at);
}

export function endOfLine(text: string, at: number): number {
  let end = at;
  while (end < text.length && text[end] !== '\n' && text[end] !== '\r') end += 1;
  return end;
}

import { endOfComment, endOfLine, literalAt, type Reading } from './csharpLiterals.js';

/**
 * Walks C# text and says, for the places where it may be cut, what must be appended to a text cut there so that its brackets
 * match and its literals are closed. Comments, literals and (in the `csharp` reading) preprocessor lines hold no brackets.
 */
export interface Scan {
  /** All brackets match, in strict nesting. */
  readonly balanced: boolean;
}

/** `inCode` false: the place lies inside a long comment or literal, which `tail` closes first. */
export type CutVisitor = (at: number, tail: string, inCode: boolean) => void;

/** Inside a shorter comment or literal nobody needs to cut: there is code close by. */
const LONG_TOKEN_CHARS = 4_096;

const CLOSER: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

export function scanCsharp(
  text: string,
  reading: Reading,
  visit?: CutVisitor,
  longTokenChars = LONG_TOKEN_CHARS,
): Scan {
  let tail = '';
  const long: InsideVisitor | undefined =
    visit &&
    ((from, to, closing) => {
      if (to - from >= longTokenChars) visitInside(text, from, to, closing, visit);
    });
  let at = 0;
  while (at < text.length) {
    visit?.(at, tail, true);
    const char = text.charAt(at);
    const end = endOfNonCode(text, at, reading, tail, long);
    if (end > at) {
      at = end;
      continue;
    }
    const closer = CLOSER[char];
    if (closer !== undefined) tail = closer + tail;
    else if (char === ')' || char === ']' || char === '}') {
      if (tail.charAt(0) !== char) return { balanced: false };
      tail = tail.slice(1);
    }
    at += 1;
  }
  visit?.(at, tail, true);
  return { balanced: tail === '' };
}

/** Whether both readers find the brackets matching: the editor refuses text that its own lexer finds unbalanced. */
export function isBalanced(text: string): boolean {
  return scanCsharp(text, 'unity').balanced && scanCsharp(text, 'csharp').balanced;
}

/** Told of each comment and string: its content's range, and what closes it and the brackets around. */
type InsideVisitor = (from: number, to: number, closing: string) => void;

function endOfNonCode(
  text: string,
  at: number,
  reading: Reading,
  tail: string,
  inside: InsideVisitor | undefined,
): number {
  switch (text.charCodeAt(at)) {
    case 0x2f: {
      const end = commentEnd(text, at, reading);
      if (end === null) return at;
      const closer = text[at + 1] === '*' ? '*/' : '\n';
      inside?.(at + 2, closer === '*/' ? end - 2 : end, closer + tail);
      return end;
    }
    case 0x23:
      return reading === 'csharp' && startsLine(text, at) ? endOfLine(text, at) : at;
    case 0x22:
    case 0x24:
    case 0x27:
    case 0x40: {
      const literal = literalAt(text, at, reading);
      if (literal === null) return at;
      if (literal.kind !== 'other') inside?.(literal.content, literal.end - 1, `"${tail}`);
      return literal.end;
    }
    default:
      return at;
  }
}

/** Unity's lexer ends a line comment at LF alone: in a file of bare CRs one comment swallows the rest. */
function commentEnd(text: string, at: number, reading: Reading): number | null {
  const end = endOfComment(text, at);
  if (end === null || reading === 'csharp' || text[at + 1] === '*') return end;
  const lf = text.indexOf('\n', at);
  return lf < 0 ? text.length : lf;
}

function visitInside(text: string, from: number, to: number, tail: string, visit: CutVisitor): void {
  for (let at = from + 1; at < to; at += 1) {
    // Not beside a quote, an escape, a star or a slash: what is appended must not join with them.
    if (!/["\\*/]/.test(text.charAt(at - 1)) && !/["\\*/]/.test(text.charAt(at))) visit(at, tail, false);
  }
}

function startsLine(text: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && (text[before] === ' ' || text[before] === '\t' || text[before] === '\ufeff'))
    before -= 1;
  return before < 0 || text[before] === '\n' || text[before] === '\r';
}

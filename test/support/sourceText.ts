import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** A source file as the house rules look at it. `path` is relative to the repository, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export interface ImportOf {
  readonly specifier: string;
  /** `import type` or `export type`: gone at run time. */
  readonly typeOnly: boolean;
  /** Brings in nothing but named constants (`{ STALE_TOKEN }`) and types. */
  readonly constantsOnly: boolean;
}

/** The repository's root: two folders above this file. */
export const ROOT = new URL('../../', import.meta.url).pathname;

/** Every file under `folder` (relative to the root) whose name ends in one of `endings`, sorted. */
export function filesUnder(folder: string, endings: readonly string[]): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: relative(ROOT, file).split(sep).join('/'), text: readFileSync(file, 'utf8') }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What may stand before a "/" that opens a regular expression; after anything else it divides. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield))\s*$/;

/**
 * The same text with comments blanked, and with `strings: 'blank'` the inside of string, template and regular expression
 * literals too; line breaks stay, so line numbers hold. TypeScript 7 has no JavaScript API to ask, and this is all the rules need.
 */
export function codeOf(text: string, strings: 'keep' | 'blank'): string {
  let out = '';
  let at = 0;
  const templates: number[] = [];
  let depth = 0;
  const blank = (piece: string): string => piece.replaceAll(/[^\n]/g, ' ');
  const literal = (end: number): void => {
    const piece = text.slice(at, end);
    out += strings === 'keep' ? piece : blank(piece);
    at = end;
  };
  while (at < text.length) {
    const char = text.charAt(at);
    const two = text.slice(at, at + 2);
    if (two === '//' || two === '/*') {
      const close = two === '//' ? text.indexOf('\n', at) : text.indexOf('*/', at + 2);
      const end = close === -1 ? text.length : close + (two === '//' ? 0 : 2);
      out += blank(text.slice(at, end));
      at = end;
    } else if (char === "'" || char === '"') {
      literal(endOfQuoted(text, at, char));
    } else if (char === '`' || (char === '}' && templates.at(-1) === depth)) {
      if (char === '}') templates.pop();
      const end = endOfTemplatePart(text, at);
      if (text.slice(end - 2, end) === '${' && !isEscaped(text, end - 2)) templates.push(depth);
      literal(end);
    } else if (char === '/' && BEFORE_REGEX.test(out.slice(-40))) {
      literal(endOfRegex(text, at));
    } else {
      if (char === '{') depth += 1;
      if (char === '}') depth -= 1;
      out += char;
      at += 1;
    }
  }
  return out;
}

function endOfQuoted(text: string, start: number, quote: string): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === quote || text[at] === '\n') return at + 1;
  }
  return text.length;
}

/** From a back-tick or the brace that ends a substitution, to behind the closing back-tick or the next opening of one. */
function endOfTemplatePart(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '`') return at + 1;
    else if (text[at] === '$' && text[at + 1] === '{') return at + 2;
  }
  return text.length;
}

function isEscaped(text: string, at: number): boolean {
  return text[at - 1] === '\\';
}

function endOfRegex(text: string, start: number): number {
  let inClass = false;
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\\') at += 1;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if ((char === '/' && !inClass) || char === '\n') return at + 1;
  }
  return text.length;
}

const STATIC_IMPORT =
  /(?:^|[;\n])\s*(?:import|export)\s+(type\s+(?!from\b))?(?:([\w*$\s{},]*?)\bfrom\s*)?(['"])([^'"\n]+)\3/g;
/** `{ A_CODE, type Shape }`; each item ends at a comma, so that a long list cannot be read in exponentially many ways. */
const CONSTANTS = /^\{(?:\s*(?:type\s+\w+|[A-Z][A-Z0-9_]*)\s*(?:,|(?=\})))+\s*\}\s*$/;
const DYNAMIC_IMPORT = /\bimport\s*\(\s*(['"])([^'"\n]+)\1/g;

/** Everything a file imports or re-exports, dynamic imports with a literal name included. */
export function importsOf(text: string): ImportOf[] {
  const code = codeOf(text, 'keep');
  const fixed = [...code.matchAll(STATIC_IMPORT)].map((match) => ({
    specifier: match[4] ?? '',
    typeOnly: match[1] !== undefined,
    constantsOnly: CONSTANTS.test(match[2] ?? ''),
  }));
  const dynamic = [...code.matchAll(DYNAMIC_IMPORT)].map((match) => ({
    specifier: match[2] ?? '',
    typeOnly: false,
    constantsOnly: false,
  }));
  return [...fixed, ...dynamic];
}

/** 1-based line of a position. */
export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

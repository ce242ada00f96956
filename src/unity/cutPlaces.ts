import { type CutVisitor, scanCsharp } from './csharpScan.js';

/** The sum of `newText` that `apply_text_edits` takes in one call. */
export const MAX_EDIT_BYTES = 65_536;

/** Room kept in each edit for what closes it; where more would be needed, the text is not cut. */
const MAX_TAIL_BYTES = 1_024;

/** Line starts within this many characters of the limit are preferred to places inside a line. */
const LINE_WINDOW_CHARS = 16_384;

/** For each offset of a text, what closes it when cut there; undefined where it must not be cut. */
export interface CutPlaces {
  readonly tails: readonly (string | undefined)[];
  /** Both readers find the whole text balanced. */
  readonly balanced: boolean;
}

/** `longTokenChars`: comments and strings from this length on may be cut inside too. The places where both readers agree on the state of the text, so that either finds text + tail balanced. */
export function findCutPlaces(text: string, longTokenChars?: number): CutPlaces {
  const unity: (string | undefined)[] = new Array(text.length + 1);
  const tails: (string | undefined)[] = new Array(text.length + 1);
  const fromUnity: CutVisitor = (at, tail) => {
    unity[at] = tail;
  };
  const first = scanCsharp(text, 'unity', fromUnity, longTokenChars);
  const fromCsharp: CutVisitor = (at, tail) => {
    if (unity[at] === tail && !isSplit(text, at)) tails[at] = tail;
  };
  const second = scanCsharp(text, 'csharp', fromCsharp, longTokenChars);
  return { tails, balanced: first.balanced && second.balanced };
}

/** Whether an offset lies between CR and LF or inside a surrogate pair: places that no line and column can name. */
export function isSplit(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  const after = text.charCodeAt(at);
  if (before === 13 && after === 10) return true;
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
}

/** The farthest place after `from` such that the text up to it, with its tail, fits one edit; null when there is none. */
export function farthestCut(text: string, from: number, places: CutPlaces): number | null {
  const limit = withinBytes(text, from, MAX_EDIT_BYTES - MAX_TAIL_BYTES);
  let inLine: number | null = null;
  for (let at = limit; at > from; at -= 1) {
    const tail = places.tails[at];
    if (tail === undefined || tail.length > MAX_TAIL_BYTES) continue;
    const before = text.charCodeAt(at - 1);
    if (before === 10 || before === 13) return at;
    inLine ??= at;
    if (inLine - at > LINE_WINDOW_CHARS) return inLine;
  }
  return inLine;
}

/** The farthest offset with at most `bytes` UTF-8 bytes between `from` and it. */
function withinBytes(text: string, from: number, bytes: number): number {
  let used = 0;
  let at = from;
  while (at < text.length) {
    const code = text.codePointAt(at) ?? 0;
    used += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (used > bytes) return at;
    at += code < 0x10000 ? 1 : 2;
  }
  return at;
}

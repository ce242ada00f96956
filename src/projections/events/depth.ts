/**
 * A payload is stored as json and shown as jsonb, and Postgres takes deeper json (21,000 levels with its default stack) than it can turn into
 * jsonb: a row beyond that would fail whoever reads it. Half of what jsonb took in every place it was tried.
 */
const MAX_DEPTH = 4_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether JSON text (UTF-8, `from` to `end`) is nested deeper than any payload may be. Free for texts that are too short for it. */
export function isTooDeep(bytes: Uint8Array, from = 0, end = bytes.length): boolean {
  // Each level opens and closes.
  if (end - from <= 2 * MAX_DEPTH) return false;
  let depth = 0;
  for (let at = from; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at + 1, end);
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MAX_DEPTH) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return false;
}

/** The place of the quote that ends a string. */
function endOfString(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

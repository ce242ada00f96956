export interface TextMatch {
  readonly match: boolean;
  /** 1: word for word; 0: nothing in common. */
  readonly similarity: number;
}

/** Engines misread a letter here and there; more than one in ten is another text. */
const MATCH_FROM = 0.9;
const TEXT_LIMIT_CHARS = 20_000;

/**
 * Whether a text that was read shows the expected one. Case, spaces and punctuation do not count; numbers do, digit by digit: "10 lives" is
 * not "70 lives". Pure.
 */
export function similarityOf(expected: string, text: string): TextMatch {
  const wanted = plain(expected);
  const there = plain(text).slice(0, TEXT_LIMIT_CHARS);
  if (wanted === '') return { match: false, similarity: 0 };
  const similarity = there.includes(wanted) ? 1 : 1 - distanceWithin(wanted, there) / wanted.length;
  const numbers = new Set(there.match(/\d+/g) ?? []);
  const sameNumbers = (wanted.match(/\d+/g) ?? []).every((number) => numbers.has(number));
  return {
    match: similarity >= MATCH_FROM && sameNumbers,
    similarity: Math.round(similarity * 1_000) / 1_000,
  };
}

function plain(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** Fewest edits from `wanted` to any stretch of `text` (Sellers): the stretch may begin and end anywhere. At most `wanted.length`. */
function distanceWithin(wanted: string, text: string): number {
  let column = Array.from({ length: wanted.length + 1 }, (_, row) => row);
  let best = wanted.length;
  for (const char of text) {
    const next = [0];
    for (let row = 1; row <= wanted.length; row++) {
      const same = wanted[row - 1] === char ? 0 : 1;
      next[row] = Math.min((column[row - 1] ?? 0) + same, (column[row] ?? 0) + 1, (next[row - 1] ?? 0) + 1);
    }
    column = next;
    best = Math.min(best, column[wanted.length] ?? best);
  }
  return best;
}

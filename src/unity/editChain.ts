import { isBalanced } from './csharpScan.js';
import { type CutPlaces, farthestCut, findCutPlaces, MAX_EDIT_BYTES } from './cutPlaces.js';
import { smallestReplacement } from './textEdit.js';
import { usingBoundary } from './usingGuard.js';

/** The texts that a file passes through, the last one being the one wanted; or why there is no way. */
export type TextChain =
  | { readonly ok: true; readonly texts: readonly string[] }
  | { readonly ok: false; readonly code: string; readonly message: string };

/**
 * A way from one text to another for `apply_text_edits`, which takes 65,536 bytes a call, refuses unbalanced text, and refuses
 * an edit before the first `using`. So: first cut the old text off before its `using` lines where the change begins earlier,
 * then write the new text piece by piece. A piece ends with the brackets (or the quote, or the comment end) still open, which
 * the next piece replaces. Each step differs from the one before in one range, so each is a compare-and-set of its own.
 */
export function chainToText(before: string, after: string): TextChain {
  const places = findCutPlaces(after);
  if (!places.balanced) {
    return no(
      'unbalanced_braces',
      'the brackets of the new text do not match: Unity would refuse it half-way',
    );
  }
  const header = uncoverHeader(before, after);
  if (header === null)
    return no('using_guard', 'the text before the first "using" cannot be replaced step by step');
  const pieces = writePieces(header.at(-1) ?? before, after, places);
  if (pieces === null) {
    return no('cannot_split', `the new text has no place to be split into parts of ${MAX_EDIT_BYTES} bytes`);
  }
  const texts = [...header, ...pieces];
  // Believing is good: the editor's own check decides, and a refusal in mid-chain would leave half a file.
  return texts.every(isBalanced)
    ? { ok: true, texts }
    : no('cannot_split', 'an intermediate text would be unbalanced');
}

const no = (code: string, message: string): TextChain => ({ ok: false, code, message });

/** Texts that lead to one whose `using` guard lets the change start where it must. Usually none, sometimes one. */
function uncoverHeader(before: string, after: string): string[] | null {
  const texts: string[] = [];
  let current = before;
  for (;;) {
    const boundary = usingBoundary(current);
    if (boundary === 0 || smallestReplacement(current, after).start >= boundary) return texts;
    const tail = findCutPlaces(current, 0).tails[boundary];
    if (tail === undefined) return null;
    current = current.slice(0, boundary) + tail;
    texts.push(current);
  }
}

function writePieces(before: string, after: string, places: CutPlaces): string[] | null {
  const texts: string[] = [];
  let current = before;
  // What is common already need not be sent again, wherever the last piece ended.
  while (!fitsOneEdit(current, after)) {
    const from = smallestReplacement(current, after).start;
    const cut = farthestCut(after, from, places);
    if (cut === null) return null;
    current = after.slice(0, cut) + (places.tails[cut] ?? '');
    texts.push(current);
  }
  texts.push(after);
  return texts;
}

function fitsOneEdit(before: string, after: string): boolean {
  return Buffer.byteLength(smallestReplacement(before, after).text) <= MAX_EDIT_BYTES;
}

// Controls (newlines too: they forge log lines), bidi and zero-width and every other format character, lone surrogates.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]+/gu;
const PLAIN = /^[ -~]*$/;

/** Text from Unity made fit to be stored and shown: nothing invisible, at most `maxChars` characters. */
export function cleanText(text: unknown, maxChars = 500): string {
  if (typeof text !== 'string') return '';
  // A far longer text is cut before it is cleaned, so that a hostile 16 MB message costs nothing.
  const head = text.length > maxChars * 4 ? text.slice(0, maxChars * 4) : text;
  const clean = PLAIN.test(head) ? head : head.replace(UNPRINTABLE, ' ').trim();
  return clean.length > maxChars ? `${cutWhole(clean, maxChars - 1)}…` : clean;
}

/** The first `chars` UTF-16 units, one less when that would cut a surrogate pair in half. */
function cutWhole(text: string, chars: number): string {
  const last = text.charCodeAt(chars - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? chars - 1 : chars);
}

const MAX_DEPTH = 4;
const MAX_MEMBERS = 64;
const MAX_CHARS = 2_000;

/** Any JSON value as a small, clean object: what an answer's `data` becomes before anybody stores it. */
export function cleanData(value: unknown): Record<string, unknown> {
  const clean = cleanValue(value, 0);
  return isRecord(clean) ? clean : {};
}

function cleanValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cleanText(value, MAX_CHARS);
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value !== 'object' || depth >= MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.slice(0, MAX_MEMBERS).map((item) => cleanValue(item, depth + 1));
  const clean: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value).slice(0, MAX_MEMBERS)) {
    const name = cleanText(key, 100);
    if (name !== '__proto__') clean.push([name, cleanValue(member, depth + 1)]);
  }
  return Object.fromEntries(clean);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

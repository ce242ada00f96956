/** What JSON.stringify escapes that jsonb refuses: NUL and surrogates without their partner. */
const REFUSED = /\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/** A value as JSON text that jsonb takes: what it cannot hold becomes U+FFFD. */
export function jsonbText(value: unknown): string {
  const text = JSON.stringify(value);
  if (text === undefined) return 'null';
  return REFUSED.test(text) ? JSON.stringify(wellFormed(value)) : text;
}

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed().replaceAll('\0', '\ufffd');
  if (Array.isArray(value)) return value.map(wellFormed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [wellFormed(key), wellFormed(item)]));
}

/** What must never reach a log: keys by their name, credentials inside texts, and the code people send. */
const SECRET_KEY =
  /^(.*[-_])?(authorization|cookie|set-cookie|token|tokens|password|passwd|secret|secrets|api[-_]?key|nkey|seed|jwt)$|(token|password|secret|apikey)$/i;
/** Bulky or private texts of a command's payload: logs carry their size. */
const PAYLOAD_TEXT = new Set(['code', 'patch', 'newText', 'body']);
const MAX_DEPTH = 8;
export const REDACTED = '[redacted]';

/** A copy of `value` that is safe to log. */
export function redact(value: unknown, depth = 0, inPayload = false): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (depth >= MAX_DEPTH) return '[deep]';
  if (value instanceof Error || value instanceof Date || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1, inPayload));
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (SECRET_KEY.test(key) && (typeof member === 'string' || Array.isArray(member))) copy[key] = REDACTED;
    else if (inPayload && PAYLOAD_TEXT.has(key) && typeof member === 'string')
      copy[key] = `[${Buffer.byteLength(member)} bytes]`;
    else copy[key] = redact(member, depth + 1, inPayload || key === 'payload');
  }
  return copy;
}

/** The last sieve, over the finished line: credentials in URLs and bearer tokens, wherever a message or a stack carries them. */
export function scrubLine(line: string): string {
  return line
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/@"\\]*):[^\s@"\\]+@/gi, `$1:${REDACTED}@`)
    .replace(/\b(bearer\s+)[A-Za-z0-9._~+/=-]{6,}/gi, `$1${REDACTED}`);
}

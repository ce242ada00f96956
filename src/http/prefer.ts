import { HTTP_LIMITS } from './limits.js';

/** How long a client wants to wait for the outcome (RFC 7240), ms; 0: not at all. What cannot be read is ignored, as the RFC asks. */
export function preferredWaitMs(header: string | readonly string[] | undefined): number {
  if (header === undefined) return 0;
  const text = typeof header === 'string' ? header : header.join(',');
  for (const preference of text.split(',')) {
    const match = /^\s*wait\s*(?:=\s*"?(\d{1,6})"?\s*)?(?:;.*)?$/i.exec(preference);
    if (!match) continue;
    const seconds = match[1] === undefined ? HTTP_LIMITS.preferWaitDefaultSeconds : Number(match[1]);
    return Math.min(seconds, HTTP_LIMITS.preferWaitMaxSeconds) * 1_000;
  }
  return 0;
}

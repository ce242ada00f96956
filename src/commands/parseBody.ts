import type { Refusal } from './problems.js';
import { printable } from './validate.js';

export type ParsedBody = { ok: true; value: unknown } | { ok: false; refusal: Refusal };

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Strict JSON from untrusted bytes: invalid UTF-8, bad syntax and `__proto__` members are refused with the reason. */
export function parseJsonBody(bytes: Uint8Array): ParsedBody {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return malformed('the body is not valid UTF-8');
  }
  try {
    // The reviver makes parsing four times dearer (2.0 against 0.54 µs a command), so it runs only where the name could stand.
    const value: unknown = /__proto__|\\u/.test(text) ? JSON.parse(text, refuseProto) : JSON.parse(text);
    return { ok: true, value };
  } catch (error) {
    return malformed(
      `the body is not JSON: ${printable(error instanceof Error ? error.message : String(error), 200)}`,
    );
  }
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('a member named "__proto__" is not allowed');
  return value;
}

function malformed(message: string): ParsedBody {
  return { ok: false, refusal: { code: 'malformed_json', message, errors: [{ pointer: '', message }] } };
}

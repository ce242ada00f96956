import { LIMITS } from '../commands/limits.js';
import { draft, type ProblemDraft } from './problem.js';

/** Visible ASCII, 1–200: it becomes a NATS header and part of a SQL row, and people read it aloud. */
export const IDEMPOTENCY_KEY_PATTERN = new RegExp(`^[\\x21-\\x7e]{1,${LIMITS.idempotencyKeyChars}}$`);

export type KeyChoice =
  | { readonly ok: true; readonly key: string | null }
  | { readonly ok: false; readonly problem: ProblemDraft };

/**
 * The key of a request from its header (`Idempotency-Key: abc`, or as the structured string `"abc"` of the IETF draft) and
 * its body. Both may be given when they say the same.
 */
export function chooseKey(
  header: string | readonly string[] | undefined,
  body: string | undefined,
): KeyChoice {
  if (header === undefined) return { ok: true, key: body ?? null };
  const key = unquote(Array.isArray(header) ? header.join(', ') : String(header));
  if (!IDEMPOTENCY_KEY_PATTERN.test(key))
    return refuse(
      `the Idempotency-Key header must be 1 to ${LIMITS.idempotencyKeyChars} visible ASCII characters`,
    );
  if (body !== undefined && body !== key)
    return refuse('the Idempotency-Key header and "idempotencyKey" in the body differ; send one of them');
  return { ok: true, key };
}

function unquote(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"')
    ? value.slice(1, -1).replace(/\\(["\\])/g, '$1')
    : value;
}

function refuse(message: string): KeyChoice {
  return {
    ok: false,
    problem: draft('schema_violation', message, { errors: [{ pointer: '/idempotencyKey', message }] }),
  };
}

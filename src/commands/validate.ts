import type { z } from 'zod';
import { CATALOGUE, definitionOf } from './catalogue.js';
import { LIMITS } from './limits.js';
import { problemsOf, type Refusal } from './problems.js';

export type Validated = { ok: true; payload: unknown } | { ok: false; refusal: Refusal };

/**
 * Checks a payload against its command's schema and guardrails: the same answer for HTTP, `spark.submit` and raw publishes.
 * `payload` in the answer is what zod parsed, defaults filled in.
 */
export function validatePayload(type: string, payload: unknown, prefix = '/payload'): Validated {
  const definition = definitionOf(type);
  if (!definition)
    return refused('unknown_command', `there is no command "${printable(type)}"`, [
      { pointer: '/type', message: `unknown command; there are ${Object.keys(CATALOGUE).join(', ')}` },
    ]);
  if (depthExceeds(payload, LIMITS.jsonDepth))
    return refused('schema_violation', `the payload is nested deeper than ${LIMITS.jsonDepth} levels`, [
      { pointer: prefix, message: 'nested too deep', limit: LIMITS.jsonDepth, unit: 'levels' },
    ]);
  const parsed = definition.schema.safeParse(payload);
  if (parsed.success) return { ok: true, payload: parsed.data };
  const errors = problemsOf(parsed.error, prefix);
  const tooLarge = parsed.error.issues.some(isTooLarge);
  const first = errors[0];
  return refused(
    tooLarge ? 'payload_too_large' : 'schema_violation',
    first ? `${first.pointer || '/'}: ${first.message}` : 'the payload does not fit its schema',
    errors,
  );
}

function isTooLarge(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'custom' && (issue.params as { tooLarge?: boolean } | undefined)?.tooLarge === true;
}

function refused(code: Refusal['code'], message: string, errors: Refusal['errors']): Validated {
  return { ok: false, refusal: { code, message, errors } };
}

/** Client text inside our messages: short, and without characters that could forge a log line. */
export function printable(text: string, maxChars = 100): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, maxChars);
}

function depthExceeds(value: unknown, limit: number): boolean {
  if (value === null || typeof value !== 'object') return false;
  if (limit === 0) return true;
  return Object.values(value).some((member) => depthExceeds(member, limit - 1));
}

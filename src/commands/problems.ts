import type { z } from 'zod';

/** One thing wrong with a request: where (JSON pointer, RFC 6901), what, the limit that was passed and what to do. */
export interface FieldProblem {
  readonly pointer: string;
  readonly message: string;
  readonly limit?: number | string;
  readonly unit?: string;
}

/** Why a command was refused before it ran. Codes are stable and go to clients, events and dead letters alike. */
export type RefusalCode =
  | 'malformed_json'
  | 'malformed_subject'
  | 'malformed_header'
  | 'unknown_command'
  | 'schema_violation'
  | 'payload_too_large'
  | 'idempotency_mismatch'
  | 'command_disabled';

export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  readonly errors: readonly FieldProblem[];
}

/** JSON pointer of a zod path, "~" and "/" escaped. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** An event and a dead letter carry the problems, so what a client can make us say is bounded: some problems, some names, short ones. */
const MAX_PROBLEMS = 20;
const MAX_NAMES = 5;
const MAX_NAME_CHARS = 100;

/** zod's issues as field problems, the first 20; `prefix` says where the checked value lies in the whole request, e.g. `/payload`. */
export function problemsOf(error: z.ZodError, prefix = ''): FieldProblem[] {
  return error.issues.slice(0, MAX_PROBLEMS).map((issue) => {
    const at = `${prefix}${pointerOf(issue.path)}`;
    if (issue.code === 'unrecognized_keys') {
      const names = issue.keys.slice(0, MAX_NAMES).map((key) => key.slice(0, MAX_NAME_CHARS));
      const more = issue.keys.length > names.length ? ` and ${issue.keys.length - names.length} more` : '';
      return {
        pointer: `${at}${pointerOf(names.slice(0, 1))}`,
        message: `unknown field; remove ${names.join(', ')}${more}`,
      };
    }
    const limit = limitOf(issue);
    return { pointer: at, message: issue.message, ...limit };
  });
}

function limitOf(issue: z.core.$ZodIssue): { limit?: number | string; unit?: string } {
  if (issue.code === 'too_big') return { limit: Number(issue.maximum) };
  if (issue.code === 'too_small') return { limit: Number(issue.minimum) };
  if (issue.code === 'custom' && issue.params) {
    const { limit, unit } = issue.params as { limit?: number | string; unit?: string };
    return { ...(limit === undefined ? {} : { limit }), ...(unit === undefined ? {} : { unit }) };
  }
  return {};
}

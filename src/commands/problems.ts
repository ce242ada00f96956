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
  | 'tool_calls_disabled'
  | 'forbidden';

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
    return { pointer: at, message: wordsOf(issue), ...limit };
  });
}

/** What zod says by itself is for programmers; what our schemas say stays. */
const ZODS_OWN =
  /^(?:Invalid (?:input|option|string|key|value|element)\b|Too (?:big|small):|Unrecognized key)/;

/** An issue in words for people: what the field must be, never how the schema is built. */
function wordsOf(issue: z.core.$ZodIssue): string {
  if (!ZODS_OWN.test(issue.message)) return issue.message;
  const received = /received (\w+)$/.exec(issue.message)?.[1];
  if (received === 'undefined') return 'is required';
  switch (issue.code) {
    case 'invalid_type':
      if (issue.expected === 'nonoptional') return 'is required';
      return `must be ${TYPE_WORDS[issue.expected] ?? issue.expected}${received ? `, not ${TYPE_WORDS[received] ?? received}` : ''}`;
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'too_big':
      return `must be at most ${countOf(issue.maximum, issue.origin)}`;
    case 'too_small':
      return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${countOf(issue.minimum, issue.origin)}`;
    case 'invalid_union':
      return 'fits none of the forms that are allowed here';
    default:
      return 'is not valid';
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  date: 'a time',
  NaN: 'no number at all',
};
const UNIT_WORDS: Readonly<Record<string, string>> = { string: 'character', array: 'item', set: 'item' };

function countOf(count: number | bigint, origin: string): string {
  const unit = UNIT_WORDS[origin];
  return unit === undefined ? String(count) : `${count} ${unit}${Number(count) === 1 ? '' : 's'}`;
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

import type { ServerResponse } from 'node:http';
import type { FieldProblem, Refusal, RefusalCode } from '../commands/problems.js';
import { SparkError } from '../core/errors.js';

/** RFC 9457. `type` is `/problems/{code}`, relative and stable; match on `code`, never on the texts. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
  /** Whether the very same request may work later. */
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  readonly queuePosition?: number;
  readonly commandId?: string;
  /** Of a command that has ended already. */
  readonly state?: string;
  /** Which limit was met, and of how many commands in which time. */
  readonly rateLimit?: { readonly limit: string; readonly count: number; readonly windowSeconds: number };
  /** What failed, with the fields that its code promises. */
  readonly error?: unknown;
  readonly traceId: string;
}

type Row = readonly [status: number, title: string, retryable?: boolean];

const REFUSALS = {
  malformed_json: [400, 'The body is not JSON'],
  malformed_subject: [400, 'The subject is malformed'],
  malformed_header: [400, 'A header is malformed'],
  unknown_command: [422, 'Unknown command'],
  schema_violation: [422, 'The request does not fit its schema'],
  payload_too_large: [413, 'Too large'],
  idempotency_mismatch: [422, 'The idempotency key belongs to another payload'],
  tool_calls_disabled: [403, 'Calls of arbitrary tools are switched off'],
  forbidden: [403, 'The token does not allow this'],
} as const satisfies Record<RefusalCode, Row>;

/** Every problem HTTP itself can answer with. Failures of a command keep the code of the command's error. */
const PROBLEMS = {
  ...REFUSALS,
  bad_request: [400, 'The request is malformed'],
  unauthorized: [401, 'A bearer token is needed'],
  host_not_allowed: [403, 'The Host header is not one of ours'],
  not_found: [404, 'Not found'],
  method_not_allowed: [405, 'Not with this method'],
  conflict: [409, 'Somebody changed it in the meantime'],
  not_reconcilable: [409, 'The outcome of this command is not unknown'],
  already_reconciled: [409, 'Somebody has said what became of it'],
  already_ended: [409, 'The command has ended already'],
  not_redrivable: [409, 'The dead letter cannot be redriven like this'],
  dead_letter_closed: [409, 'Something was done about the dead letter already'],
  unsupported_media_type: [415, 'The content type is not application/json'],
  unsupported_content_encoding: [415, 'Send the body without Content-Encoding'],
  media_type_not_taken: [415, 'No command takes files of this type'],
  empty_upload: [400, 'The file is empty'],
  mime_mismatch: [422, 'The file is not what it is claimed to be'],
  uploads_busy: [503, 'Too many uploads at once', true],
  too_slow: [408, 'The body came too slowly', true],
  uploads_full: [507, 'The upload store is full', true],
  saturated: [429, 'Too much is waiting already', true],
  rate_limited: [429, 'Too many in a short time', true],
  internal: [500, 'Something broke inside', true],
  unavailable: [503, 'The command stream is out of reach', true],
  read_models_unavailable: [503, 'The read models are out of reach', true],
  read_models_behind: [503, 'The read models have not come so far yet', true],
  workers_unavailable: [503, 'No worker answers', true],
  editor_away: [503, 'The editor is away', true],
  registry_unavailable: [503, 'The editors registry is out of reach', true],
  too_many_streams: [503, 'Too many event streams are open', true],
  draining: [503, 'This process is stopping', true],
} as const satisfies Record<string, Row>;

export type ProblemCode = keyof typeof PROBLEMS;
export type ProblemExtras = Partial<
  Pick<Problem, 'errors' | 'retryAfterMs' | 'queuePosition' | 'commandId' | 'error' | 'state' | 'rateLimit'>
>;

/** A problem before it knows which request it answers. */
export interface ProblemDraft extends ProblemExtras {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
  readonly detail: string;
}

export function draft(code: ProblemCode, detail: string, extras: ProblemExtras = {}): ProblemDraft {
  const [status, title, retryable = false]: Row = PROBLEMS[code];
  return { code, status, title, retryable, detail, ...extras };
}

/** A refused request, in the code the refusal carries. */
export function draftOfRefusal(refusal: Refusal): ProblemDraft {
  return draft(refusal.code, refusal.message, { errors: refusal.errors });
}

/** A command that ended in anything but `completed`: a conflict is 409, the rest 422 in the words of its own error. */
export function draftOfFailure(
  failure: { readonly code: string; readonly message: string },
  conflict: boolean,
  extras: ProblemExtras = {},
): ProblemDraft {
  if (conflict) return draft('conflict', failure.message, extras);
  return {
    code: failure.code,
    status: 422,
    title: 'The command did not complete',
    retryable: false,
    detail: failure.message,
    ...extras,
  };
}

export function problemOf({ status, title, code, detail, ...rest }: ProblemDraft, traceId: string): Problem {
  return { type: `/problems/${code}`, title, status, code, detail, ...rest, traceId };
}

/** Thrown by routes; the error handler turns it into its problem. */
export class ProblemError extends SparkError {
  readonly code: string;
  readonly draft: ProblemDraft;
  constructor(problem: ProblemDraft, cause?: unknown) {
    super(problem.detail, cause === undefined ? {} : { cause });
    this.code = problem.code;
    this.draft = problem;
  }
}

/** `Retry-After` is in whole seconds; the exact time is `retryAfterMs` in the body. */
export function retryAfterSeconds(retryAfterMs: number): string {
  return String(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
}

/** Headers that belong to a problem, besides those every answer has. */
export function headersOf(problem: ProblemDraft | Problem): Record<string, string> {
  return {
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'no-store',
    ...(problem.retryAfterMs === undefined ? {} : { 'retry-after': retryAfterSeconds(problem.retryAfterMs) }),
    ...rateHeaders(problem),
    ...(problem.status === 401 ? { 'www-authenticate': 'Bearer realm="spark"' } : {}),
  };
}

/** `RateLimit` and `RateLimit-Policy` as the IETF draft has them: what is left of which quota, and when there is more. */
function rateHeaders({ rateLimit, retryAfterMs = 0 }: ProblemDraft | Problem): Record<string, string> {
  if (!rateLimit) return {};
  const { limit, count, windowSeconds } = rateLimit;
  return {
    'ratelimit-policy': `"${limit}";q=${count};w=${windowSeconds}`,
    ratelimit: `"${limit}";r=0;t=${retryAfterSeconds(retryAfterMs)}`,
  };
}

/** Answers on a bare response; nothing happens when an answer is under way already. */
export function sendProblem(
  res: ServerResponse,
  problem: ProblemDraft,
  traceId: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (res.headersSent) return;
  const body = JSON.stringify(problemOf(problem, traceId));
  res.writeHead(problem.status, {
    ...headersOf(problem),
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  res.end(body);
}

import { assertNever } from '../core/errors.js';
import type { Judgement } from '../resilience/circuitBreaker.js';
import type { ServiceAnswer } from '../workers/servicesPort.js';
import { ANSWER_SCHEMAS, refusalSchema, type ServiceCall } from './answerSchemas.js';
import { cleanLine } from './cleanAnswer.js';
import type { ServiceReply } from './serviceExchange.js';

/** An answer as the worker settles it, what it says about the endpoint, and whether asking again at once is worth it. */
export interface Classified {
  readonly answer: ServiceAnswer;
  readonly judgement: Judgement;
  readonly again: boolean;
}

const AWAY_RETRY_MS = 1_000;
const FAILED_RETRY_MS = 500;
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** Judges what came back on the wire. Pure; `nowMs` for a Retry-After that is a date. */
export function classifyReply(call: ServiceCall, reply: ServiceReply, nowMs: number): Classified {
  switch (reply.kind) {
    case 'answered':
      return classifyStatus(call, reply, nowMs);
    case 'unreachable':
      return sick(away(`the service cannot be reached (${reply.reason})`, AWAY_RETRY_MS), false);
    case 'broken':
      return sick(failed(`the connection broke (${cleanLine(reply.reason, 100)})`), true);
    case 'timed_out':
      // Asked again at once it would take as long again: left to the command's own attempts.
      return sick(failed(`no answer within ${reply.timeoutMs} ms`), false);
    case 'answer_too_large':
      return well(failed(`the answer is larger than ${reply.limitBytes} bytes`), false);
    default:
      return assertNever(reply);
  }
}

type Answered = Extract<ServiceReply, { kind: 'answered' }>;

function classifyStatus(call: ServiceCall, reply: Answered, nowMs: number): Classified {
  const { status } = reply;
  if (status >= 200 && status < 300) return classifyBody(call, reply.body);
  const said = refusalIn(reply.body);
  const text = `HTTP ${status}${said.message === '' ? '' : `: ${said.message}`}`;
  if (status === 429 || status === 503) {
    const retryAfterMs = retryAfterMsOf(reply.retryAfter, nowMs);
    // A service that says when to come back is in order; one that only says 503 is not.
    return retryAfterMs === undefined && status === 503
      ? sick(away(text, AWAY_RETRY_MS), false)
      : well(away(text, retryAfterMs ?? AWAY_RETRY_MS), false);
  }
  if (status >= 500) return sick(failed(text), true);
  if (status === 408) return sick(failed(text), true);
  if (status === 401 || status === 403)
    return well(refused('service_unauthorized', `${text}: check the token of the service`), false);
  return well(refused(said.code || 'service_refused', said.message || text), false);
}

function classifyBody(call: ServiceCall, body: string): Classified {
  const parsed = ANSWER_SCHEMAS[call].safeParse(jsonIn(body));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue ? `${issue.path.join('.') || 'the answer'}: ${issue.message}` : 'no JSON';
    return sick(failed(`an answer that is not as agreed (${cleanLine(where, 200)})`), true);
  }
  const { usage, ...result } = parsed.data;
  return well(usage ? { kind: 'done', result, usage: [usage] } : { kind: 'done', result }, false);
}

const away = (reason: string, retryAfterMs: number): ServiceAnswer => ({
  kind: 'away',
  reason,
  retryAfterMs,
});
const failed = (reason: string): ServiceAnswer => ({ kind: 'failed', reason, retryAfterMs: FAILED_RETRY_MS });
const refused = (code: string, message: string): ServiceAnswer => ({ kind: 'refused', code, message });
const sick = (answer: ServiceAnswer, again: boolean): Classified => ({ answer, judgement: 'failure', again });
const well = (answer: ServiceAnswer, again: boolean): Classified => ({ answer, judgement: 'success', again });

/** Seconds or an HTTP date, as ms from now within limits; undefined when there is none. */
function retryAfterMsOf(value: string | null, nowMs: number): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - nowMs;
  return Number.isFinite(ms) ? Math.min(MAX_RETRY_AFTER_MS, Math.max(100, ms)) : undefined;
}

function refusalIn(body: string): { code: string; message: string } {
  const parsed = refusalSchema.safeParse(jsonIn(body));
  if (!parsed.success) return { code: '', message: cleanLine(body, 200) };
  const { code = '', message } = parsed.data;
  return { code: /^[a-z0-9_]{1,64}$/.test(code) ? code : '', message: cleanLine(message, 1_000) };
}

function jsonIn(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

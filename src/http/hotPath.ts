import type { IncomingMessage, ServerResponse } from 'node:http';
import { LIMITS } from '../commands/limits.js';
import { parseJsonBody } from '../commands/parseBody.js';
import type { Principal } from './auth.js';
import { type Asker, decideRequest } from './decideRequest.js';
import { preferredWaitMs } from './prefer.js';
import { draft, draftOfRefusal, type ProblemDraft } from './problem.js';
import { answerAndLinger, readBody } from './readBody.js';
import type { RequestContext } from './requestContext.js';
import { type Answer, problemAnswer, type SubmitDeps, submitMany, submitOne } from './submit.js';

/**
 * `POST /v1/commands`, straight on node:http: the one route that sees thousands of requests a second. Everything slower goes
 * through Fastify.
 */
export const HOT_ROUTE = '/v1/commands';

export interface HotPathDeps extends SubmitDeps {
  /** Aborts when the process stops: whoever waits gets its 202 at once. */
  readonly stopping: AbortSignal;
}

export function isHot(req: IncomingMessage): boolean {
  if (req.method !== 'POST' || req.url === undefined) return false;
  return req.url === HOT_ROUTE || req.url.startsWith(`${HOT_ROUTE}?`);
}

/** Never rejects for what a client sends; rejects only when something inside broke. */
export async function handleSubmit(
  deps: HotPathDeps,
  req: IncomingMessage,
  res: ServerResponse,
  context: RequestContext,
  principal: Principal,
): Promise<void> {
  if (!isJson(req.headers['content-type'])) {
    const problem = draft('unsupported_media_type', 'send application/json');
    return write(res, problemAnswer(problem, context.traceId));
  }
  const body = await readBody(req, LIMITS.rawRequestBytes);
  if (body.kind === 'aborted') return;
  if (body.kind === 'too_large') {
    const { status, headers, body: problem } = problemAnswer(bodyTooLarge(), context.traceId);
    return await answerAndLinger(req, res, deps.clock, status, headers, JSON.stringify(problem));
  }
  const parsed = parseJsonBody(body.bytes);
  if (!parsed.ok) return write(res, problemAnswer(draftOfRefusal(parsed.refusal), context.traceId));
  const answer = await answerTo(deps, parsed.value, req, res, context, principal);
  write(res, answer);
}

async function answerTo(
  deps: HotPathDeps,
  value: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  context: RequestContext,
  principal: Principal,
): Promise<Answer> {
  const { traceparent, traceId } = context;
  const keyHeader = req.headers['idempotency-key'];
  if (Array.isArray(value)) {
    const problem = checkBatch(value, keyHeader);
    if (problem) return problemAnswer(problem, traceId);
    const asker: Asker = { principal, traceparent };
    return await submitMany(
      deps,
      value.map((item) => decideRequest(item, asker)),
      traceId,
    );
  }
  const decided = decideRequest(value, { principal, traceparent, keyHeader });
  if (!decided.ok) {
    deps.metrics.inc('spark_commands_submitted_total', { result: 'invalid' });
    return problemAnswer(decided.problem, traceId);
  }
  const waitMs = preferredWaitMs(req.headers['prefer']);
  const signal = waitMs > 0 ? AbortSignal.any([deps.stopping, goneSignal(res)]) : deps.stopping;
  return await submitOne(deps, decided.request, {
    waitMs,
    signal,
    traceId,
    failuresAsProblems: 'conflict_only',
  });
}

function checkBatch(items: readonly unknown[], keyHeader: unknown): ProblemDraft | undefined {
  if (items.length === 0)
    return draft('schema_violation', 'the array is empty', {
      errors: [{ pointer: '', message: 'give at least one command', limit: 1, unit: 'items' }],
    });
  if (items.length > LIMITS.batchItems)
    return draft('payload_too_large', `${items.length} commands in one request; send them in several`, {
      errors: [{ pointer: '', message: 'too many commands', limit: LIMITS.batchItems, unit: 'items' }],
    });
  if (keyHeader !== undefined)
    return draft('schema_violation', 'an Idempotency-Key header cannot name several commands', {
      errors: [{ pointer: '/0/idempotencyKey', message: 'give each item an idempotencyKey of its own' }],
    });
  return undefined;
}

export function bodyTooLarge(): ProblemDraft {
  const detail = `the body is larger than ${LIMITS.rawRequestBytes} bytes, the limit of one request: send many commands in several requests, and files (assets, pictures, recordings) through /v1/uploads`;
  return draft('payload_too_large', detail, {
    errors: [{ pointer: '', message: 'the body is too large', limit: LIMITS.rawRequestBytes, unit: 'bytes' }],
  });
}

/** `application/json`, in UTF-8 when a charset is named. */
export function isJson(contentType: string | undefined): boolean {
  return /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i.test(contentType ?? '');
}

/** Aborts when the connection closes before the answer is out. */
export function goneSignal(res: ServerResponse): AbortSignal {
  const gone = new AbortController();
  res.once('close', () => gone.abort());
  return gone.signal;
}

function write(res: ServerResponse, answer: Answer): void {
  if (res.destroyed || res.headersSent) return;
  const text = JSON.stringify(answer.body);
  res.writeHead(answer.status, { 'content-length': Buffer.byteLength(text), ...answer.headers });
  res.end(text);
}

import type { CommandRequest } from '../commands/envelope.js';
import type { Clock } from '../core/clock.js';
import { assertNever } from '../core/errors.js';
import type { Metrics } from '../observability/metrics.js';
import { awaitOutcome, type LookupPorts } from './commandLookup.js';
import type { CommandView } from './commandView.js';
import type { Decided } from './decideRequest.js';
import type { EditorsPort } from './editorsPort.js';
import type { BeforeStore, SubmitResult, Submitter } from './ports.js';
import { draft, draftOfFailure, draftOfRefusal, headersOf, type ProblemDraft, problemOf } from './problem.js';

export interface SubmitDeps {
  readonly submitter: Submitter;
  readonly lookup: LookupPorts;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Asked with each submit: from memory. */
  readonly editors?: Pick<EditorsPort, 'known'>;
}

/** An answer before it is written, by node:http or by Fastify. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface Waiting {
  /** 0: answer as soon as the command is stored. */
  readonly waitMs: number;
  /** The client is gone, or the process stops: no more waiting. */
  readonly signal: AbortSignal;
  readonly traceId: string;
  /** `conflict_only`: other failures are still 200 with their outcome. `all`: the request was for the effect itself. */
  readonly failuresAsProblems: 'conflict_only' | 'all';
  readonly beforeStore?: BeforeStore;
}

type Accepted = Extract<SubmitResult, { kind: 'accepted' }>;
const JSON_TYPE = 'application/json; charset=utf-8';

/** One command: stored, and its outcome waited for when that was asked. */
export async function submitOne(
  deps: SubmitDeps,
  request: CommandRequest,
  waiting: Waiting,
): Promise<Answer> {
  const [result] = await store(deps, [request], waiting.beforeStore);
  if (result?.kind !== 'accepted') return problemAnswer(problemOfResult(result), waiting.traceId);
  const headers = {
    location: `/v1/commands/${result.commandId}`,
    ...(result.duplicate ? { 'idempotency-replayed': 'true' } : {}),
  };
  if (waiting.waitMs > 0) {
    const view = await awaitOutcome(deps.lookup, result.commandId, waiting.waitMs, waiting.signal);
    if (view) return outcomeAnswer(view, result, headers, waiting);
  }
  const warning = warningOf(deps, request.editor);
  return {
    status: 202,
    headers: {
      'content-type': JSON_TYPE,
      'cache-control': 'no-store',
      ...headers,
      ...(warning === undefined ? {} : { warning: `199 spark "${warning}"` }),
    },
    body: receiptOf(result, warning),
  };
}

/** One command, stored or refused; for routes that answer in a shape of their own. */
export async function storeOne(
  deps: SubmitDeps,
  request: CommandRequest,
): Promise<
  { readonly accepted: Accepted } | { readonly problem: ProblemDraft; readonly accepted?: undefined }
> {
  const [result] = await store(deps, [request]);
  return result?.kind === 'accepted' ? { accepted: result } : { problem: problemOfResult(result) };
}

/** Many commands: what is right is stored, what is wrong gets its problem, each in its place. */
export async function submitMany(
  deps: SubmitDeps,
  decided: readonly Decided[],
  traceId: string,
): Promise<Answer> {
  const requests = decided.flatMap((item) => (item.ok ? [item.request] : []));
  const invalid = decided.length - requests.length;
  if (invalid > 0) deps.metrics.inc('spark_commands_submitted_total', { result: 'invalid' }, invalid);
  const results = requests.length > 0 ? await store(deps, requests) : [];
  let next = 0;
  const answers = decided.map((item) => {
    if (!item.ok) return { problem: item.problem };
    const result = results[next++];
    return result?.kind === 'accepted'
      ? { result, warning: warningOf(deps, item.request.editor) }
      : { problem: problemOfResult(result) };
  });
  const first = answers[0]?.problem;
  // Nothing was taken, for one passing reason: say so with the status that clients know how to wait for.
  if (first && isBusy(first) && answers.every(({ problem }) => problem?.code === first.code))
    return problemAnswer(first, traceId);
  const retry = answers.find(({ problem }) => problem?.retryAfterMs !== undefined)?.problem;
  return {
    status: 202,
    headers: {
      'content-type': JSON_TYPE,
      'cache-control': 'no-store',
      ...(retry ? { 'retry-after': headersOf(retry)['retry-after'] ?? '1' } : {}),
    },
    body: answers.map(({ result, warning, problem }) =>
      result ? receiptOf(result, warning) : problemOf(problem, traceId),
    ),
  };
}

export function problemAnswer(problem: ProblemDraft, traceId: string): Answer {
  return { status: problem.status, headers: headersOf(problem), body: problemOf(problem, traceId) };
}

async function store(
  deps: SubmitDeps,
  requests: readonly CommandRequest[],
  beforeStore?: BeforeStore,
): Promise<SubmitResult[]> {
  const results = await deps.submitter.submit(requests, beforeStore);
  const nowMs = deps.clock.nowMs();
  requests.forEach((request, index) => {
    const result = results[index];
    if (result?.kind === 'accepted') deps.lookup.recent.remember(result.commandId, request, nowMs);
    deps.metrics.inc('spark_commands_submitted_total', { result: countedAs(result) });
  });
  return results;
}

function countedAs(result: SubmitResult | undefined): string {
  if (result?.kind === 'accepted') return result.duplicate ? 'duplicate' : 'accepted';
  return result?.kind ?? 'unavailable';
}

function receiptOf({ commandId, status, duplicate }: Accepted, warning?: string) {
  return { commandId, status, duplicate, ...(warning === undefined ? {} : { warning }) };
}

/** A name that nobody knows may be a misspelt one: the command is stored and waits, but its sender hears of it. */
function warningOf({ editors }: SubmitDeps, editor: string): string | undefined {
  if (editors?.known(editor) !== false) return undefined;
  return `nobody knows an editor '${editor}': the command waits until there is one; see GET /v1/editors`;
}

function outcomeAnswer(
  view: CommandView,
  accepted: Accepted,
  location: Readonly<Record<string, string>>,
  waiting: Waiting,
): Answer {
  const headers = { ...location, 'preference-applied': 'wait', 'cache-control': 'no-store' };
  const conflict = view.state === 'conflict';
  if (view.error && (conflict || waiting.failuresAsProblems === 'all')) {
    const extras = { commandId: view.commandId, error: view.error };
    const answer = problemAnswer(draftOfFailure(view.error, conflict, extras), waiting.traceId);
    return { ...answer, headers: { ...answer.headers, ...headers } };
  }
  return {
    status: 200,
    headers: { 'content-type': JSON_TYPE, ...headers },
    body: { ...view, duplicate: accepted.duplicate },
  };
}

const BUSY = new Set(['saturated', 'unavailable', 'rate_limited']);

function isBusy(problem: ProblemDraft): boolean {
  return BUSY.has(problem.code);
}

function problemOfResult(result: Exclude<SubmitResult, Accepted> | undefined): ProblemDraft {
  if (result === undefined)
    return draft('unavailable', 'the command was not answered for', { retryAfterMs: 1_000 });
  switch (result.kind) {
    case 'refused':
      return draftOfRefusal(result.refusal);
    case 'saturated':
      return draft('saturated', result.reason, {
        retryAfterMs: result.retryAfterMs,
        queuePosition: result.queuePosition,
      });
    case 'rate_limited': {
      const { limit, count, windowSeconds, retryAfterMs } = result;
      const text = `more than ${count} commands in ${windowSeconds} s: the limit "${limit}"; send it again after Retry-After`;
      return draft('rate_limited', text, { retryAfterMs, rateLimit: { limit, count, windowSeconds } });
    }
    case 'unavailable':
      return draft('unavailable', result.reason, { retryAfterMs: result.retryAfterMs });
    default:
      return assertNever(result);
  }
}

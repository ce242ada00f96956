import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../observability/logger.js';
import type { Metrics } from '../observability/metrics.js';
import { withSpan } from '../observability/tracing.js';
import type { Principal } from './auth.js';
import { isLoopback } from './hostGuard.js';
import { HOT_ROUTE, type HotPathDeps, handleSubmit, isHot } from './hotPath.js';
import { preferredWaitMs } from './prefer.js';
import { draft, type ProblemDraft, sendProblem } from './problem.js';
import { openContext, type RequestContext, setCommonHeaders } from './requestContext.js';

/** Exact paths that need no token; whatever is spelled differently needs one. */
const OPEN_PATHS = new Set(['/', '/livez', '/readyz', '/healthz', '/version', '/openapi.json']);

export interface FrontDoorDeps {
  readonly hot: HotPathDeps;
  readonly authenticate: (header: string | undefined) => Principal | undefined;
  readonly hostAllowed: (header: string | undefined) => boolean;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly clock: Clock;
}

type Next = (req: IncomingMessage, res: ServerResponse) => void;

/** What every request passes: ids, host guard, token; then the hot path or Fastify. Counts and times what it lets in. */
export class FrontDoor {
  readonly #deps: FrontDoorDeps;
  readonly #open = new Set<ServerResponse>();
  #draining = false;

  constructor(deps: FrontDoorDeps) {
    this.#deps = deps;
    deps.metrics.collect('spark_http_requests_in_flight', () => this.#open.size);
  }

  /** From here on only health is answered, and every connection closes after its answer. */
  drain(): void {
    this.#draining = true;
    for (const res of this.#open) res.shouldKeepAlive = false;
  }

  handle(req: IncomingMessage, res: ServerResponse, next: Next): void {
    const parent = req.headers['traceparent'];
    const attributes = { 'http.request.method': req.method ?? '', 'url.scheme': 'http' };
    withSpan(
      `HTTP ${req.method ?? ''}`,
      attributes,
      typeof parent === 'string' ? parent : undefined,
      async (span) => {
        const context = openContext(req, span.traceparent);
        this.#watch(req, res, context);
        setCommonHeaders(res, context);
        await this.#admit(req, res, context, next);
        span.setAttributes({ 'http.route': context.route, 'http.response.status_code': res.statusCode });
      },
      'server',
    ).catch((error: unknown) => {
      this.#deps.logger.error({ err: error }, 'a request failed');
      const traceId = String(res.getHeader('traceparent') ?? '').slice(3, 35);
      sendProblem(
        res,
        draft('internal', 'something broke inside; the trace id finds it in the log'),
        traceId,
      );
    });
  }

  async #admit(
    req: IncomingMessage,
    res: ServerResponse,
    context: RequestContext,
    next: Next,
  ): Promise<void> {
    const path = pathOf(req);
    const open = OPEN_PATHS.has(path) || (path === '/metrics' && isLocal(req));
    const principal = open ? undefined : this.#deps.authenticate(req.headers.authorization);
    const problem = this.#refuse(req, path, open, principal);
    if (problem) return sendProblem(res, problem, context.traceId);
    context.principal = principal;
    if (principal && isHot(req)) {
      context.route = HOT_ROUTE;
      return await handleSubmit(this.#deps.hot, req, res, context, principal);
    }
    const closed = new Promise<void>((resolve) => res.once('close', resolve));
    next(req, res);
    await closed;
  }

  #refuse(
    req: IncomingMessage,
    path: string,
    open: boolean,
    principal: Principal | undefined,
  ): ProblemDraft | undefined {
    if (!this.#deps.hostAllowed(req.headers.host))
      return draft('host_not_allowed', 'this Host is not served here; configure it if it is yours');
    if (!open && !principal) return draft('unauthorized', unauthorizedText(req.headers.authorization));
    const encoding = req.headers['content-encoding'];
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
      return draft(
        'unsupported_content_encoding',
        'send the body as it is: a small one may unfold to a huge one',
      );
    if (this.#draining && !OPEN_PATHS.has(path) && path !== '/metrics')
      return draft('draining', 'this process is stopping; ask another', { retryAfterMs: 1_000 });
    return undefined;
  }

  #watch(req: IncomingMessage, res: ServerResponse, context: RequestContext): void {
    const { metrics, clock } = this.#deps;
    const startedMs = clock.monotonicMs();
    const method = knownMethod(req.method);
    if (this.#draining) res.shouldKeepAlive = false;
    this.#open.add(res);
    res.once('close', () => {
      this.#open.delete(res);
      const { route } = context;
      // An answer that waits for an outcome says nothing about how fast this server is.
      const untimed = context.streaming || preferredWaitMs(req.headers['prefer']) > 0;
      metrics.inc('spark_http_requests_total', { method, route, status: String(res.statusCode) });
      if (!untimed)
        metrics.observe(
          'spark_http_request_duration_seconds',
          { method, route },
          (clock.monotonicMs() - startedMs) / 1_000,
        );
    });
  }
}

/** Told apart for people; that a token is not known says nothing about those that are. */
function unauthorizedText(header: string | undefined): string {
  if (header === undefined || header.trim() === '') return 'send Authorization: Bearer <token>';
  return /^bearer +\S/i.test(header)
    ? 'this token is not known here'
    : 'Authorization holds no bearer token: send Authorization: Bearer <token>';
}

function pathOf(req: IncomingMessage): string {
  const url = req.url ?? '';
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** From this machine, and not through a proxy on it that stands for somebody else. */
function isLocal(req: IncomingMessage): boolean {
  const forwarded = req.headers['x-forwarded-for'] ?? req.headers['forwarded'];
  return forwarded === undefined && isLoopback(req.socket.remoteAddress);
}

/** A label must not be something that a client can invent. */
function knownMethod(method: string | undefined): string {
  return method && ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method)
    ? method
    : 'other';
}

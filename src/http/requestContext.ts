import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseTraceparent } from '../observability/traceparent.js';
import type { Principal } from './auth.js';
import { HTTP_LIMITS } from './limits.js';

/** What is known of a request before any route sees it; the same for the hot path and for Fastify. */
export interface RequestContext {
  readonly requestId: string;
  /** This request's own span: given to its commands and returned to the caller. */
  readonly traceparent: string;
  readonly traceId: string;
  principal: Principal | undefined;
  /** The route's pattern, for metrics: never the raw path. */
  route: string;
  /** Event streams are not timed. */
  streaming: boolean;
}

const contexts = new WeakMap<IncomingMessage, RequestContext>();
const REQUEST_ID = new RegExp(`^[A-Za-z0-9._:/+=-]{1,${HTTP_LIMITS.requestIdChars}}$`);

/** `traceparent`: the span that was opened for this request. */
export function openContext(req: IncomingMessage, traceparent: string): RequestContext {
  const given = req.headers['x-request-id'];
  const context: RequestContext = {
    requestId: typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID(),
    traceparent,
    traceId: parseTraceparent(traceparent)?.traceId ?? '',
    principal: undefined,
    route: 'unmatched',
    streaming: false,
  };
  contexts.set(req, context);
  return context;
}

/** The context `openContext` made. */
export function contextOf(req: IncomingMessage): RequestContext {
  const context = contexts.get(req);
  if (!context) throw new Error('a request reached its handler without passing the front door');
  return context;
}

/** Who asks; for routes behind a scope check. */
export function principalOf(req: IncomingMessage): Principal {
  const { principal } = contextOf(req);
  if (!principal) throw new Error('a request without a principal passed its scope check');
  return principal;
}

/** Headers of every answer: ids to find it again, and nothing that a browser could be talked into. */
export function setCommonHeaders(res: ServerResponse, context: RequestContext): void {
  res.setHeader('x-request-id', context.requestId);
  res.setHeader('traceparent', context.traceparent);
  res.setHeader('x-content-type-options', 'nosniff');
  res.setHeader('x-frame-options', 'DENY');
  res.setHeader('referrer-policy', 'no-referrer');
  res.setHeader('cross-origin-resource-policy', 'same-origin');
  res.setHeader('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
}

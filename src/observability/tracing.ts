import { context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { messageOf } from '../core/errors.js';
import { childContext, formatTraceparent, parseTraceparent } from './traceparent.js';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;
export type SpanRole = 'server' | 'client' | 'producer' | 'consumer' | 'internal';

/** The span that is open; `traceparent` goes into headers and events of whatever it causes. */
export interface ActiveSpan {
  readonly traceparent: string;
  setAttributes(attributes: SpanAttributes): void;
}

export interface TracingOptions {
  /** OTLP/HTTP base, e.g. `http://127.0.0.1:4318`; undefined: nothing is loaded and spans only carry ids on. */
  readonly endpoint: string | undefined;
  readonly serviceName: string;
  readonly version: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const KINDS: Readonly<Record<SpanRole, SpanKind>> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
};

// OpenTelemetry's own provider is global to the process; this says whether one was started.
let recording = false;

/**
 * Starts the exporter when there is an endpoint. Call it before the modules to be instrumented are imported (pg, http).
 * Returns the flush-and-stop, idempotent.
 */
export async function startTracing(options: TracingOptions): Promise<() => Promise<void>> {
  const { endpoint } = options;
  if (endpoint === undefined) return async () => {};
  const { startSdk } = await import('./tracingSdk.js');
  const stop = startSdk({ ...options, endpoint });
  recording = true;
  let stopped: Promise<void> | undefined;
  return () => {
    recording = false;
    stopped ??= stop();
    return stopped;
  };
}

/** Runs `fn` in a span under `parentTraceparent` (or the span around, or a new trace). Without tracing it only makes the ids. */
export async function withSpan<T>(
  name: string,
  attributes: SpanAttributes,
  parentTraceparent: string | null | undefined,
  fn: (span: ActiveSpan) => Promise<T>,
  role: SpanRole = 'internal',
): Promise<T> {
  if (!recording) {
    const own = childContext(parseTraceparent(parentTraceparent));
    return await fn({ traceparent: formatTraceparent(own), setAttributes: () => {} });
  }
  const parent = parentTraceparent
    ? propagation.extract(context.active(), { traceparent: parentTraceparent })
    : context.active();
  const span = trace
    .getTracer('spark')
    .startSpan(name, { attributes: { ...attributes }, kind: KINDS[role] }, parent);
  return await context.with(trace.setSpan(parent, span), () => settle(span, fn));
}

async function settle<T>(span: Span, fn: (span: ActiveSpan) => Promise<T>): Promise<T> {
  const { traceId, spanId, traceFlags } = span.spanContext();
  try {
    return await fn({
      traceparent: formatTraceparent({ traceId, spanId, sampled: (traceFlags & 1) === 1 }),
      setAttributes: (attributes) => span.setAttributes({ ...attributes }),
    });
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
    throw error;
  } finally {
    span.end();
  }
}

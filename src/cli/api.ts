import { z } from 'zod';
import { systemClock } from '../core/clock.js';
import { deadline } from '../core/deadline.js';
import { codeOf, messageOf } from '../core/errors.js';
import type { Connection } from './connection.js';
import {
  ApiError,
  InterruptedError,
  RequestTimeoutError,
  UnexpectedReplyError,
  UnreachableError,
} from './errors.js';
import type { CliHost } from './host.js';

const REQUEST_TIMEOUT_MS = 30_000;

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** With a leading slash; segments already encoded (`segment`). */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is; `headers` say what it is. */
  readonly raw?: ReadableStream<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** SPARK's HTTP API (openapi.json) as the client commands use it. Every failure is a `CliError`. */
export interface Api {
  readonly url: string;
  /** The parsed answer of a 2xx. Throws `ApiError` for any other. */
  call(request: ApiRequest, timeoutMs?: number): Promise<ApiReply>;
  /** Like `call`, but any status is an answer: for health checks. */
  ask(request: ApiRequest, timeoutMs?: number): Promise<ApiReply>;
  /** An answer that comes piece by piece; lives until `signal` aborts or the server ends it. */
  stream(request: ApiRequest, signal: AbortSignal): Promise<Response>;
  /** An open event stream; lives until `signal` aborts or the server ends it. */
  open(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response>;
}

/** One path segment or query value, encoded. */
export const segment = encodeURIComponent;

export function createApi(connection: Connection, host: Pick<CliHost, 'fetch' | 'interrupted'>): Api {
  const send = async (request: ApiRequest, signal: AbortSignal): Promise<Response> => {
    const headers = {
      accept: 'application/json',
      ...(connection.token === undefined ? {} : { authorization: `Bearer ${connection.token}` }),
      ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...request.headers,
    };
    const body = request.body === undefined ? {} : { body: JSON.stringify(request.body) };
    const raw = request.raw === undefined ? {} : { body: request.raw, duplex: 'half' as const };
    try {
      return await host.fetch(`${connection.url}${request.path}`, {
        method: request.method ?? 'GET',
        headers,
        signal,
        redirect: 'error',
        ...body,
        ...raw,
      });
    } catch (error) {
      throw sendFailure(error, connection.url, signal, host.interrupted);
    }
  };

  const ask = async (request: ApiRequest, timeoutMs = REQUEST_TIMEOUT_MS): Promise<ApiReply> => {
    const limit = deadline(systemClock, timeoutMs, host.interrupted);
    const { signal } = limit;
    try {
      const response = await send(request, signal);
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: parseBody(text, response) };
    } catch (error) {
      throw sendFailure(error, connection.url, signal, host.interrupted);
    } finally {
      limit.clear();
    }
  };

  const stream = async (request: ApiRequest, signal: AbortSignal): Promise<Response> => {
    const response = await send(request, signal);
    if (response.ok && response.body) return response;
    const body = parseBody(await response.text(), response);
    throw problemOf({ status: response.status, headers: response.headers, body }, connection);
  };

  return {
    url: connection.url,
    ask,
    call: async (request, timeoutMs) => {
      const reply = await ask(request, timeoutMs);
      if (reply.status < 200 || reply.status > 299) throw problemOf(reply, connection);
      return reply;
    },
    stream,
    open: (path, headers, signal) =>
      stream({ path, headers: { accept: 'text/event-stream', ...headers } }, signal),
  };
}

function parseBody(text: string, response: Response): unknown {
  if (!/\bjson\b/.test(response.headers.get('content-type') ?? '')) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function sendFailure(error: unknown, url: string, signal: AbortSignal, interrupted: AbortSignal): Error {
  if (error instanceof Error && 'exitCode' in error) return error;
  if (interrupted.aborted) return new InterruptedError('interrupted');
  if (signal.aborted) return new RequestTimeoutError(`${url} did not answer in time`, { cause: error });
  const cause = (error as { cause?: unknown }).cause;
  const reason = codeOf(cause) ?? (cause === undefined ? messageOf(error) : messageOf(cause));
  return new UnreachableError(`${url} cannot be reached (${reason})`, {
    hint: 'Is SPARK running there? `spark doctor` looks for the cause.',
    cause: error,
  });
}

const problemBody = z.looseObject({
  code: z.string().optional(),
  title: z.string().optional(),
  detail: z.string().optional(),
  retryAfterMs: z.number().optional(),
  errors: z
    .array(z.looseObject({ pointer: z.string().default(''), message: z.string().default('') }))
    .optional(),
});

/** A problem (RFC 9457) of a reply, or of one item of a batch. */
export function problemOf(
  reply: Pick<ApiReply, 'status' | 'headers' | 'body'>,
  connection?: Connection,
): ApiError {
  const parsed = problemBody.safeParse(reply.body);
  const problem = parsed.success ? parsed.data : {};
  const retryAfterS = Number(reply.headers.get('retry-after') ?? Number.NaN);
  const retryAfterMs =
    problem.retryAfterMs ?? (Number.isFinite(retryAfterS) ? retryAfterS * 1_000 : undefined);
  const hint = hintOf(reply.status, retryAfterMs, connection);
  return new ApiError(problem.detail ?? problem.title ?? `HTTP ${reply.status}`, {
    code: problem.code ?? `http_${reply.status}`,
    status: reply.status,
    errors: problem.errors,
    retryAfterMs,
    ...(hint === undefined ? {} : { hint }),
  });
}

function hintOf(
  status: number,
  retryAfterMs: number | undefined,
  connection?: Connection,
): string | undefined {
  if (status === 401)
    return connection?.token === undefined
      ? 'A token is needed: --token, SPARK_TOKEN, or the --home of a running SPARK.'
      : 'The token is not the one this SPARK takes.';
  if (status === 403) return 'The token lacks the scope for this.';
  if (status === 429 || status === 503)
    return `Nothing was accepted; try again${retryAfterMs === undefined ? ' later' : ` in ${Math.ceil(retryAfterMs / 1_000)} s`}.`;
  return undefined;
}

/** The part of an answer a command relies on. Throws `UnexpectedReplyError` when it is not there. */
export function expectShape<T>(schema: z.ZodType<T>, body: unknown, what: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  throw new UnexpectedReplyError(
    `the answer is no ${what}: ${first ? `${first.path.join('.')} ${first.message}` : 'unreadable'}`,
    { hint: 'Is the URL that of a SPARK of this version?' },
  );
}

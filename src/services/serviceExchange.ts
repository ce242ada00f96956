import type { Dispatcher } from 'undici';
import type { Clock } from '../core/clock.js';
import { deadline } from '../core/deadline.js';
import { codeOf, messageOf } from '../core/errors.js';

export interface ServiceRequest {
  /** Path and query on the pool's origin. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** From the wait for a connection to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
}

/** What came back on the wire, before anybody judges it. */
export type ServiceReply =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly retryAfter: string | null;
      readonly body: string;
    }
  /** No connection: nothing was sent. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Reset, end of stream or silence after (a part of) the request had left. */
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'timed_out'; readonly timeoutMs: number }
  | { readonly kind: 'answer_too_large'; readonly limitBytes: number };

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** One POST, read to its end or to the cap. Throws only the signal's reason; the abort reaches the socket. */
export async function exchangeWithService(
  pool: Dispatcher,
  request: ServiceRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<ServiceReply> {
  const { timeoutMs, maxAnswerBytes } = request;
  const limit = deadline(clock, timeoutMs, signal);
  try {
    const { statusCode, headers, body } = await pool.request({
      method: 'POST',
      path: request.path,
      headers: request.headers,
      body: request.body,
      signal: limit.signal,
      // The deadline above is the limit; these only free the socket if it should ever fail to.
      headersTimeout: timeoutMs + 1_000,
      bodyTimeout: timeoutMs + 1_000,
    });
    const text = await readCapped(body, maxAnswerBytes);
    if (text === undefined) return { kind: 'answer_too_large', limitBytes: maxAnswerBytes };
    const retryAfter = headers['retry-after'];
    return {
      kind: 'answered',
      status: statusCode,
      retryAfter: typeof retryAfter === 'string' ? retryAfter : null,
      body: text,
    };
  } catch (error) {
    signal.throwIfAborted();
    if (limit.expired()) return { kind: 'timed_out', timeoutMs };
    const code = codeOf(error) ?? messageOf(error);
    return UNREACHABLE.has(code) ? { kind: 'unreachable', reason: code } : { kind: 'broken', reason: code };
  } finally {
    limit.clear();
  }
}

/** The body as text; undefined when it is larger than allowed (the rest is not read). */
async function readCapped(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    // Leaving the loop destroys the stream, and with it the connection.
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

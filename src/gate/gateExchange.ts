import type { Dispatcher } from 'undici';
import { codeOf, messageOf } from '../core/errors.js';
import { unwatchAbort, watchAbort } from '../unity/abortWatch.js';
import { failure } from './answerSchemas.js';
import { CodecError, decodeMessage } from './codec.js';
import { type GateFailure, HEARTBEAT, MAX_MESSAGE_BYTES, REFUSED_HEADER, RESULT } from './wire.js';

/** How one request to the gate ended. */
export type GateReply =
  | { readonly kind: 'result'; readonly value: unknown }
  /** Begun, and failed. */
  | { readonly kind: 'failure'; readonly failure: GateFailure }
  /** Certainly not begun: the gate said no. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly code: string;
      readonly message: string;
    }
  /** Certainly not begun: there was no connection. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Perhaps begun: the request may have arrived, and its answer has not. */
  | { readonly kind: 'lost'; readonly reason: string };

/** Anything but a result. */
export type Unanswered = Exclude<GateReply, { readonly kind: 'result' }>;

export interface GateRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly silenceMs: number;
}

/** One message, and the heartbeats of a day. */
const MAX_ANSWER_BYTES = MAX_MESSAGE_BYTES + 64 * 1024;

/** One POST to the gate. Throws only the signal's reason; the abort closes the connection, and with it the call in the gate. */
export async function exchangeWithGate(
  pool: Dispatcher,
  { path, headers, body, silenceMs }: GateRequest,
  signal: AbortSignal,
): Promise<GateReply> {
  signal.throwIfAborted();
  // A signal of its own: undici listens to each, and thousands of calls share the worker's (abortWatch.ts).
  const own = new AbortController();
  const watcher = { onAbort: () => own.abort(signal.reason) };
  watchAbort(signal, watcher);
  try {
    const reply = await pool.request({
      method: 'POST',
      path,
      headers,
      body,
      signal: own.signal,
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs,
    });
    const data = await readCapped(reply.body);
    if (reply.headers[REFUSED_HEADER] !== undefined) return refusalOf(reply.statusCode, data);
    if (reply.statusCode !== 200) return lost(`something in between answered ${reply.statusCode}`);
    return framed(data);
  } catch (error) {
    signal.throwIfAborted();
    const reason = codeOf(error) ?? messageOf(error);
    return neverConnected(error) ? { kind: 'unreachable', reason } : lost(reason);
  } finally {
    unwatchAbort(signal, watcher);
  }
}

const lost = (reason: string): GateReply => ({ kind: 'lost', reason });

/** Only errors of the way to a connection; what happens on one may have come after the request. */
function neverConnected(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(neverConnected);
  const { syscall } = (error ?? {}) as { syscall?: unknown };
  return syscall === 'connect' || syscall === 'getaddrinfo' || codeOf(error) === 'UND_ERR_CONNECT_TIMEOUT';
}

async function readCapped(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    // Leaving the loop destroys the stream, and with it the connection.
    if (bytes > MAX_ANSWER_BYTES) throw new CodecError(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refusalOf(status: number, data: Buffer): GateReply {
  try {
    const { code, message } = JSON.parse(data.toString('utf8')) as { code?: unknown; message?: unknown };
    return { kind: 'refused', status, code: String(code), message: String(message) };
  } catch {
    return { kind: 'refused', status, code: 'refused', message: `HTTP ${status}` };
  }
}

function framed(data: Buffer): GateReply {
  const start = data.findIndex((byte) => byte !== HEARTBEAT);
  if (start < 0) return lost('the gate ended without an answer');
  try {
    const value = decodeMessage(data.subarray(start + 1));
    if (data[start] === RESULT) return { kind: 'result', value };
    return { kind: 'failure', failure: failure.parse(value) };
  } catch (error) {
    return lost(`the gate's answer cannot be read: ${messageOf(error)}`);
  }
}

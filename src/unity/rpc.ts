import type { Dispatcher } from 'undici';
import type { CircuitBreaker } from '../resilience/circuitBreaker.js';
import { isRecord } from './cleanText.js';
import { guardedExchange } from './guardedExchange.js';
import type { ExchangeEnd } from './httpExchange.js';
import type { RawReply } from './rawReply.js';

/** Limits of the MCP server that SPARK keeps on its side, so that a poison message is never sent (unity-mcp.md, fact 8). */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024 - 1;
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

export interface McpServer {
  readonly pool: Dispatcher;
  readonly circuit: CircuitBreaker | undefined;
  /** The path of the MCP endpoint on the pool's origin, e.g. `/mcp`. */
  readonly path: string;
  /** `Authorization` and `X-API-Key`, flat name, value list. */
  readonly authHeaders: readonly string[];
  readonly monotonicMs: () => number;
}

/** One JSON-RPC request with an id, answered as an event stream or as plain JSON. */
export async function rpc(
  server: McpServer,
  headers: readonly string[],
  id: number,
  body: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<RawReply & { readonly sessionId?: string | null }> {
  let found: Record<string, unknown> | null = null;
  const end = await guardedExchange(
    server.circuit,
    server.pool,
    {
      method: 'POST',
      path: server.path,
      headers,
      body,
      timeoutMs,
      maxAnswerBytes: MAX_ANSWER_BYTES,
      signal,
      accept: (message) => {
        found = answerIn(message, id);
        return found !== null;
      },
    },
    server.monotonicMs,
  );
  return replyOf(end, found, id);
}

function replyOf(
  end: ExchangeEnd,
  found: Record<string, unknown> | null,
  id: number,
): RawReply & { readonly sessionId?: string | null } {
  switch (end.kind) {
    case 'accepted':
      return { ...replyIn(found ?? {}, 200), sessionId: end.sessionId };
    case 'answered': {
      const message = answerIn(end.body, end.status === 200 ? id : null);
      if (message) return { ...replyIn(message, end.status), sessionId: end.sessionId };
      return { kind: 'http', status: end.status, body: end.body.slice(0, 2_000) };
    }
    case 'answer_too_large':
      return { kind: 'answer_too_large', limitBytes: MAX_ANSWER_BYTES };
    case 'failed':
      return { kind: end.sent ? 'broken' : 'refused', reason: end.reason };
  }
}

/** The answer to `id` in a message or batch of messages; requests and notifications of the server are none. Null id: any error. */
function answerIn(text: string, id: number | null): Record<string, unknown> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  for (const message of Array.isArray(value) ? value : [value]) {
    if (!isRecord(message) || 'method' in message) continue;
    if (isRecord(message['error']) && (id === null || message['id'] === id || message['id'] === null))
      return message;
    if (id !== null && message['id'] === id && 'result' in message) return message;
  }
  return null;
}

function replyIn(message: Record<string, unknown>, status: number): RawReply {
  const error = message['error'];
  if (!isRecord(error)) return { kind: 'result', result: message['result'] };
  const code = typeof error['code'] === 'number' ? error['code'] : 0;
  const text = typeof error['message'] === 'string' ? error['message'] : '';
  return { kind: 'rpc_error', status, code, message: text };
}

import { classify } from './classify.js';
import { isRecord } from './cleanText.js';
import { exchange } from './httpExchange.js';
import type { RawReply } from './rawReply.js';
import { type McpServer, rpc } from './rpc.js';

/** An initialized MCP session: what every later request of it carries. */
export interface Session {
  /** Flat name, value list: content negotiation, auth, session id, protocol version. */
  readonly headers: readonly string[];
  /** Whether the server gave it an id (and so may be told that it ends). */
  readonly named: boolean;
}

export type SessionOpening =
  | { readonly kind: 'open'; readonly session: Session }
  /** `reply` never reads as "unknown": the caller's own request has not been sent. */
  | { readonly kind: 'failed'; readonly reply: RawReply };

const OFFERED_PROTOCOL = '2025-11-25';
const PROTOCOLS = new Set(['2024-11-05', '2025-03-26', '2025-06-18', OFFERED_PROTOCOL]);
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** The server waits up to 20 s for an editor before it answers. */
const SELECT_TIMEOUT_MS = 25_000;

/** initialize → notifications/initialized → set_active_instance. */
export async function openSession(server: McpServer, instance: string): Promise<SessionOpening> {
  const never = new AbortController().signal;
  const plain = [
    'content-type',
    'application/json',
    'accept',
    'application/json, text/event-stream',
    ...server.authHeaders,
  ];
  const hello = await rpc(server, plain, 0, initializeBody(), HANDSHAKE_TIMEOUT_MS, never);
  if (hello.kind !== 'result') return failed(hello);
  const protocol = isRecord(hello.result) ? hello.result['protocolVersion'] : undefined;
  if (typeof protocol !== 'string' || !PROTOCOLS.has(protocol)) {
    const message = `the server speaks MCP ${String(protocol)}, SPARK ${[...PROTOCOLS].join(', ')}`;
    return failed({ kind: 'rpc_error', status: 200, code: -32_602, message });
  }
  const id = hello.sessionId ?? null;
  const headers = [
    ...plain,
    'mcp-protocol-version',
    protocol,
    ...(id === null ? [] : ['mcp-session-id', id]),
  ];
  const told = await exchange(
    server.pool,
    {
      method: 'POST',
      path: server.path,
      headers,
      body: JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }),
      timeoutMs: HANDSHAKE_TIMEOUT_MS,
      maxAnswerBytes: 64 * 1024,
      signal: never,
    },
    server.monotonicMs,
  );
  if (told.kind === 'failed') return failed({ kind: 'refused', reason: told.reason });
  return select(server, { headers, named: id !== null }, instance);
}

/** Pins the session. A server without that tool is served by `unity_instance` in each call alone. */
async function select(server: McpServer, session: Session, instance: string): Promise<SessionOpening> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 0,
    method: 'tools/call',
    params: { name: 'set_active_instance', arguments: { instance } },
  });
  const never = new AbortController().signal;
  const reply = await rpc(server, session.headers, 0, body, SELECT_TIMEOUT_MS, never);
  const answer = classify(reply);
  if (answer.kind === 'done' || (answer.kind === 'refused' && answer.code === 'unknown_tool')) {
    return { kind: 'open', session };
  }
  // An answer in words we do not know: each call names the instance, and a wrong one is refused there.
  if (answer.kind === 'unknown' && reply.kind === 'result') return { kind: 'open', session };
  // Nobody will use this session: an editor that is away for an hour must not leave thousands on the server.
  if (session.named) void endSession(server, session, HANDSHAKE_TIMEOUT_MS);
  return failed(reply);
}

/** Tells the server that a session ends. Best effort: never throws. */
export async function endSession(server: McpServer, session: Session, timeoutMs: number): Promise<void> {
  await exchange(
    server.pool,
    {
      method: 'DELETE',
      path: server.path,
      headers: session.headers,
      body: null,
      timeoutMs,
      maxAnswerBytes: 64 * 1024,
      signal: new AbortController().signal,
    },
    server.monotonicMs,
  );
}

function failed(reply: RawReply): SessionOpening {
  const answer = classify(reply);
  if (answer.kind !== 'unknown') return { kind: 'failed', reply };
  return { kind: 'failed', reply: { kind: 'refused', reason: `opening a session: ${answer.reason}` } };
}

function initializeBody(): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: {
      protocolVersion: OFFERED_PROTOCOL,
      capabilities: {},
      clientInfo: { name: 'spark', version: '1' },
    },
  });
}

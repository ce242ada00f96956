import { Pool } from 'undici';
import type { CircuitBreaker } from '../resilience/circuitBreaker.js';
import { isRecord } from './cleanText.js';
import { guardedExchange } from './guardedExchange.js';
import type { ExchangeEnd } from './httpExchange.js';
import { McpClient } from './mcpClient.js';
import type { McpServer } from './rpc.js';

/** Product.md section 1: at most 10 concurrent calls per endpoint. */
export const MAX_CONNECTIONS = 10;
/** Signs of life have connections of their own: ten editors that compile must not make the eleventh look away. */
const REST_CONNECTIONS = 4;
const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 4_000;
const MAX_REST_ANSWER_BYTES = 1024 * 1024;
const CLOSE_TIMEOUT_MS = 500;

export interface UnityAuth {
  readonly bearer?: string | undefined;
  readonly apiKey?: string | undefined;
}

export type RestReply =
  | { readonly kind: 'answer'; readonly status: number; readonly body: Readonly<Record<string, unknown>> }
  /** The server has no such route (hosted mode): use MCP. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly sent: boolean; readonly reason: string };

/** One MCP server: its connection pool, its REST side, and a session for each editor called through it. */
export class UnityServer {
  private readonly pool: Pool;
  private readonly restPool: Pool;
  private readonly mcp: McpServer;
  private readonly restBase: string;
  private readonly clients = new Map<string, McpClient>();

  constructor(
    url: string,
    auth: UnityAuth,
    monotonicMs: () => number,
    maxConnections = MAX_CONNECTIONS,
    circuit?: CircuitBreaker,
  ) {
    const { origin, pathname } = new URL(url);
    this.pool = poolOf(origin, maxConnections);
    this.restPool = poolOf(origin, REST_CONNECTIONS);
    this.restBase = pathname.replace(/\/(mcp)?\/?$/, '');
    this.mcp = { pool: this.pool, path: pathname, circuit, authHeaders: authHeaders(auth), monotonicMs };
  }

  /** The session of one editor; another one when the editor's instance has changed. */
  client(editor: string, instance: string): McpClient {
    const known = this.clients.get(editor);
    if (known?.instance === instance) return known;
    if (known) void known.close(CLOSE_TIMEOUT_MS).catch(() => undefined);
    const client = new McpClient(this.mcp, instance);
    this.clients.set(editor, client);
    return client;
  }

  get(path: string, timeoutMs: number, signal: AbortSignal): Promise<RestReply> {
    return this.rest('GET', path, null, timeoutMs, signal);
  }

  post(path: string, body: object, timeoutMs: number, signal: AbortSignal): Promise<RestReply> {
    return this.rest('POST', path, JSON.stringify(body), timeoutMs, signal);
  }

  async close(): Promise<void> {
    const clients = [...this.clients.values()];
    this.clients.clear();
    await Promise.allSettled(clients.map((client) => client.close(CLOSE_TIMEOUT_MS)));
    await Promise.all([this.pool.destroy(), this.restPool.destroy()]);
  }

  private async rest(
    method: 'GET' | 'POST',
    path: string,
    body: string | null,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<RestReply> {
    const end = await guardedExchange(
      this.mcp.circuit,
      this.restPool,
      {
        method,
        path: `${this.restBase}${path}`,
        headers: ['content-type', 'application/json', 'accept', 'application/json', ...this.mcp.authHeaders],
        body,
        timeoutMs,
        maxAnswerBytes: MAX_REST_ANSWER_BYTES,
        signal,
      },
      this.mcp.monotonicMs,
    );
    return restReplyOf(end);
  }
}

function poolOf(origin: string, connections: number): Pool {
  return new Pool(origin, {
    connections,
    pipelining: 1,
    // Shorter than the server's own 5 s, so that a request seldom meets a connection that is just being closed.
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connect: { timeout: CONNECT_TIMEOUT_MS },
  });
}

function restReplyOf(end: ExchangeEnd): RestReply {
  if (end.kind === 'failed') return { kind: 'failed', sent: end.sent, reason: end.reason };
  if (end.kind !== 'answered') return { kind: 'failed', sent: true, reason: 'the answer is too large' };
  const body = parsed(end.body);
  if (body) return { kind: 'answer', status: end.status, body };
  if (end.status === 404 || end.status === 405) return { kind: 'absent' };
  return { kind: 'failed', sent: true, reason: `HTTP ${end.status}` };
}

/** The server's own answers all carry `success`; a proxy's or a framework's 404 does not. */
function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) && ('success' in value || 'status' in value) ? value : null;
  } catch {
    return null;
  }
}

function authHeaders(auth: UnityAuth): string[] {
  const headers: string[] = [];
  if (auth.bearer) headers.push('authorization', `Bearer ${auth.bearer}`);
  if (auth.apiKey) headers.push('x-api-key', auth.apiKey);
  return headers;
}

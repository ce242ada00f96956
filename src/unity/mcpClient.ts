import { type AbortWatcher, unwatchAbort, watchAbort } from './abortWatch.js';
import { endSession, openSession, type Session, type SessionOpening } from './mcpSession.js';
import type { RawReply } from './rawReply.js';
import { MAX_REQUEST_BYTES, type McpServer, rpc } from './rpc.js';

export interface CallMeta {
  readonly commandId: string;
  readonly attempt: number;
}

export interface ToolCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly meta: CallMeta | null;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * A client of one editor behind one MCP server: keeps one session, pinned to the editor's instance, and names the instance in
 * every call besides. A lost session is opened again once per call, invisibly: a server that does not know the session has not
 * executed the call (unity-mcp.md, "Sessions and routing").
 */
export class McpClient {
  readonly instance: string;
  private readonly server: McpServer;
  private opening: Promise<SessionOpening> | null = null;
  /** The opened session, for calls that need not wait. */
  private session: Session | null = null;
  private nextId = 1;
  private opened = 0;

  constructor(server: McpServer, instance: string) {
    this.server = server;
    this.instance = instance;
  }

  /** Sessions so far, the one to come included. */
  get sessions(): number {
    return Math.max(1, this.opened);
  }

  /** Calls a tool. Never throws: what went wrong is in the reply. */
  callTool(call: ToolCall): Promise<RawReply> {
    const params: Record<string, unknown> = {
      name: call.tool,
      arguments: { ...call.arguments, unity_instance: this.instance },
    };
    if (call.meta) params['_meta'] = { commandId: call.meta.commandId, attempt: call.meta.attempt };
    return this.request('tools/call', params, call.timeoutMs, call.signal);
  }

  /** Ends the session on the server, if there is one. Best effort. */
  async close(timeoutMs: number): Promise<void> {
    const opening = await this.opening;
    this.opening = null;
    this.session = null;
    if (opening?.kind === 'open' && opening.session.named) {
      await endSession(this.server, opening.session, timeoutMs);
    }
  }

  private async request(
    method: string,
    params: Record<string, unknown>,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<RawReply> {
    let reason = '';
    for (let round = 0; round < 2; round += 1) {
      const session = this.session ?? (await this.open(signal));
      if ('kind' in session) return session;
      const reply = await this.send(session, method, params, timeoutMs, signal);
      const lost = sessionLoss(reply);
      if (lost === null) return reply;
      reason = lost;
      // Another call may have opened a new one meanwhile: only the session that failed is dropped.
      if (this.session === session) {
        this.session = null;
        this.opening = null;
      }
    }
    return { kind: 'session_lost', reason };
  }

  private async open(signal: AbortSignal): Promise<Session | RawReply> {
    // Not tied to the caller's signal: others wait for the same session, and its steps have time limits of their own.
    this.opening ??= openSession(this.server, this.instance).then((outcome) => {
      if (outcome.kind === 'open') this.opened += 1;
      return outcome;
    });
    const opening = this.opening;
    const outcome = await unlessAborted(opening, signal);
    if (outcome === null) return { kind: 'refused', reason: 'aborted' };
    if (outcome.kind === 'open') {
      if (this.opening === opening) this.session = outcome.session;
      return outcome.session;
    }
    if (this.opening === opening) this.opening = null;
    return outcome.reply;
  }

  private async send(
    session: Session,
    method: string,
    params: Record<string, unknown>,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<RawReply> {
    const id = this.nextId;
    this.nextId += 1;
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    const bytes = body.length * 3 <= MAX_REQUEST_BYTES ? 0 : Buffer.byteLength(body);
    if (bytes > MAX_REQUEST_BYTES) return { kind: 'request_too_large', bytes, limitBytes: MAX_REQUEST_BYTES };
    return rpc(this.server, session.headers, id, body, timeoutMs, signal);
  }
}

/** The promise's value, or null when the signal aborts first. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  if (signal.aborted) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const watcher: AbortWatcher = { onAbort: () => resolve(null) };
    watchAbort(signal, watcher);
    promise.then(resolve, reject).finally(() => unwatchAbort(signal, watcher));
  });
}

/** Why the server does not know the session, or null: 404 and 400 with such words; its new session id is not adopted. */
function sessionLoss(reply: RawReply): string | null {
  if (reply.kind === 'rpc_error' && (reply.status === 404 || reply.status === 400)) {
    return /session/i.test(reply.message) ? reply.message : null;
  }
  if (reply.kind === 'http' && (reply.status === 404 || reply.status === 400)) {
    return /session/i.test(reply.body) || reply.status === 404 ? reply.body : null;
  }
  return null;
}

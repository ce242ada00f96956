import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, pause } from '../core/clock.js';
import { messageOf } from '../core/errors.js';
import type { Service } from '../core/service.js';
import type { Logger } from '../observability/logger.js';
import type { Metrics } from '../observability/metrics.js';
import { BodyRoom, GateRefusedError } from './body.js';
import { decodeMessage } from './codec.js';
import { isOperation, OPERATIONS, type OperationName, type ServedGate } from './operations.js';
import { CallerGoneError, GateStoppedError, serveOperation } from './serveOperation.js';
import {
  GATE_ID_HEADER,
  GATE_PATH,
  type GateRefusal,
  HEARTBEAT_MS,
  MAX_MESSAGE_BYTES,
  OTHER_GATE,
  REFUSED_HEADER,
} from './wire.js';

export interface GateServerOptions {
  readonly host: string;
  /** 0: any free port; `address()` tells. */
  readonly port: number;
  readonly gate: ServedGate;
  /** Names the fence of this gate: the same for as long as its tokens are. */
  readonly identity: string;
  /** Whether an `Authorization` header may call. Compares in constant time. */
  readonly authorized: (header: string | undefined) => boolean;
  readonly hostAllowed: (header: string | undefined) => boolean;
  /** Whether a peer's address may read metrics without a token. */
  readonly local: (address: string | undefined) => boolean;
  readonly checks: () => Promise<{ readonly status: string }>;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How long calls under way may take when it stops; what is left then is cut off. */
  readonly drainMs: number;
  /** How often a long answer says that it is still coming; default `HEARTBEAT_MS`. */
  readonly heartbeatMs?: number;
  /** The largest message taken; smaller only in tests. */
  readonly maxMessageBytes?: number;
}

export interface GateServer extends Service {
  /** Before this it listens and answers health only. */
  serve(): void;
  address(): { readonly host: string; readonly port: number; readonly url: string };
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than the client's own, so that a request seldom meets a connection that is just being closed. */
const KEEP_ALIVE_MS = 10_000;
const MAX_CONNECTIONS = 4_096;
const FLUSH_MS = 500;

export function createGateServer(options: GateServerOptions): GateServer {
  return new HttpGateServer(options);
}

class HttpGateServer implements GateServer {
  readonly name = 'gate-server';
  readonly #options: GateServerOptions;
  readonly #server: Server;
  readonly #room = new BodyRoom();
  readonly #running = new Set<AbortController>();
  #state: 'starting' | 'serving' | 'draining' = 'starting';
  #idle: () => void = () => undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: GateServerOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
      },
      (request, response) => void this.#handle(request, response),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    options.metrics.collect('spark_gate_requests_in_flight', () => this.#running.size);
  }

  start(): Promise<void> {
    if (this.#server.listening) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port, this.#options.host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  serve(): void {
    this.#state = 'serving';
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#drain();
    return this.#stopping;
  }

  address(): { readonly host: string; readonly port: number; readonly url: string } {
    const { address, port, family } = this.#server.address() as AddressInfo;
    const any = address === '0.0.0.0' || address === '::';
    const host = any ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
    return { host, port, url: `http://${host}:${port}` };
  }

  /** Nothing new is begun; what runs may end; what is left then is cut off, and its callers told if they can be. */
  async #drain(): Promise<void> {
    this.#state = 'draining';
    if (!this.#server.listening) return;
    const { clock, drainMs } = this.#options;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const over = new AbortController();
    this.#idle = () => over.abort();
    if (this.#running.size > 0) await pause(clock, drainMs, over.signal);
    const cut = new AbortController();
    this.#idle = () => cut.abort();
    for (const call of this.#running) call.abort(new GateStoppedError('the gate is stopping'));
    if (this.#running.size > 0) await pause(clock, FLUSH_MS, cut.signal);
    this.#server.closeIdleConnections();
    const ended = new AbortController();
    await Promise.race([closed, pause(clock, FLUSH_MS, ended.signal)]);
    ended.abort();
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    try {
      await this.#route(request, response, pathOf(request));
    } catch (error) {
      if (response.destroyed) return;
      const known = error instanceof GateRefusedError;
      if (!known) this.#options.logger.error({ err: error }, 'a request to the gate failed');
      // Not begun, whatever it was: only serveOperation begins anything, and it does not throw.
      const refused = known ? error : new GateRefusedError(500, 'internal', messageOf(error));
      refuse(response, refused);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const { hostAllowed, authorized, local, identity, checks, metrics } = this.#options;
    if (!hostAllowed(request.headers.host))
      throw new GateRefusedError(403, 'host_not_allowed', 'this Host is not served here');
    if (request.method === 'GET') {
      if (path === '/livez') return json(response, 200, { status: 'ok' });
      if (path === '/readyz') {
        const report = { ...(await checks()), ...(this.#state === 'serving' ? {} : { status: this.#state }) };
        return json(response, report.status === 'ok' ? 200 : 503, report);
      }
      if (path === '/metrics' && (local(request.socket.remoteAddress) || authorized(bearerOf(request)))) {
        response.writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' });
        response.end(await metrics.text());
        return;
      }
    }
    if (!authorized(bearerOf(request)))
      throw new GateRefusedError(401, 'unauthorized', "the gate's bearer token is missing or wrong");
    if (request.method === 'GET' && path === `${GATE_PATH}identity`)
      return json(response, 200, { id: identity });
    const name = path.startsWith(GATE_PATH) ? path.slice(GATE_PATH.length) : '';
    if (request.method !== 'POST' || !isOperation(name))
      throw new GateRefusedError(404, 'not_found', `there is no ${request.method ?? ''} ${path}`);
    await this.#operate(request, response, name);
  }

  async #operate(request: IncomingMessage, response: ServerResponse, name: OperationName): Promise<void> {
    const {
      identity,
      gate,
      logger,
      metrics,
      heartbeatMs = HEARTBEAT_MS,
      maxMessageBytes = MAX_MESSAGE_BYTES,
    } = this.#options;
    if (request.headers[GATE_ID_HEADER] !== identity)
      throw new GateRefusedError(412, OTHER_GATE, `this is gate ${identity}, which knows other tokens`);
    if (this.#state !== 'serving') throw new GateRefusedError(503, this.#state, `the gate is ${this.#state}`);
    const abort = new AbortController();
    // Also when it has been answered, which is nobody's loss.
    response.once('close', () => abort.abort(new CallerGoneError('the caller has gone')));
    const { body, release } = await this.#room.read(request, maxMessageBytes);
    this.#running.add(abort);
    try {
      const input = inputOf(name, body);
      const work = (signal: AbortSignal): Promise<unknown> => OPERATIONS[name].run(gate, input, signal);
      const outcome = await serveOperation(response, abort.signal, work, { logger, heartbeatMs });
      metrics.inc('spark_gate_requests_total', { operation: name, outcome });
    } catch (error) {
      metrics.inc('spark_gate_requests_total', { operation: name, outcome: 'refused' });
      throw error;
    } finally {
      release();
      this.#running.delete(abort);
      if (this.#running.size === 0) this.#idle();
    }
  }
}

/** Throws `GateRefusedError` for what is no request of this operation. */
function inputOf(name: OperationName, body: Buffer): unknown {
  let message: unknown;
  try {
    message = decodeMessage(body);
  } catch (error) {
    throw new GateRefusedError(400, 'bad_message', messageOf(error));
  }
  const parsed = OPERATIONS[name].schema.safeParse(message);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw new GateRefusedError(
    400,
    'bad_request',
    `${where || 'the message'}: ${issue?.message ?? 'not valid'}`,
  );
}

/** Who may send nothing, or too much, is not listened to any longer; of the others Node reads the rest, so that they hear the answer. */
const HANG_UP = new Set([401, 403, 411, 413]);

function refuse(response: ServerResponse, error: GateRefusedError): void {
  if (response.headersSent) return void response.destroy();
  const refusal: GateRefusal = { code: error.code, message: error.message };
  json(response, error.status, refusal, {
    [REFUSED_HEADER]: '1',
    ...(HANG_UP.has(error.status) ? { connection: 'close' } : {}),
  });
}

function json(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(JSON.stringify(body));
}

const bearerOf = (request: IncomingMessage): string | undefined => request.headers.authorization;
const pathOf = (request: IncomingMessage): string => (request.url ?? '').split('?')[0] ?? '';

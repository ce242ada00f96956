import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../core/clock.js';
import type { Service } from '../core/service.js';
import type { Metrics } from '../observability/metrics.js';
import { createAuthenticator, grantOf } from './auth.js';
import { createHostGuard, isLoopback } from './hostGuard.js';
import type { ReadinessCheck } from './ports.js';
import { Readiness } from './readiness.js';

const HEADERS_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 64;

export interface StatusServerOptions {
  readonly host: string;
  /** 0: any free port; `address()` tells. */
  readonly port: number;
  /** For `/metrics` off loopback; '' or undefined: nobody has one. */
  readonly token: string | undefined;
  readonly checks: readonly ReadinessCheck[];
  readonly metrics: Metrics;
  readonly version: string;
  readonly clock: Clock;
}

export interface StatusServer extends Service {
  address(): { readonly host: string; readonly port: number; readonly url: string };
}

/** `/livez`, `/readyz`, `/version` and `/metrics` of a role that serves nothing else: without it nobody could see what it does. */
export function createStatusServer(options: StatusServerOptions): StatusServer {
  const readiness = new Readiness(options.checks, options.clock);
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: HEADERS_TIMEOUT_MS },
    answerer(options, readiness),
  );
  server.maxConnections = MAX_CONNECTIONS;
  return {
    name: 'status-server',
    start: () => listen(server, options),
    stop: async () => {
      readiness.drain();
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
    address: () => addressOf(server),
  };
}

function listen(server: Server, { host, port }: StatusServerOptions): Promise<void> {
  if (server.listening) return Promise.resolve();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function addressOf(server: Server): { host: string; port: number; url: string } {
  const { address, port, family } = server.address() as AddressInfo;
  const any = address === '0.0.0.0' || address === '::';
  const host = any ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return { host, port, url: `http://${host}:${port}` };
}

function answerer({ host, token, metrics, version }: StatusServerOptions, readiness: Readiness) {
  const hostAllowed = createHostGuard(host, []);
  const authenticate = token ? createAuthenticator([grantOf('token', token)]) : () => undefined;
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (!hostAllowed(req.headers.host)) return send(res, 403, { code: 'host_not_allowed' });
    switch ((req.url ?? '').replace(/\?.*$/s, '')) {
      case '/livez':
        return send(res, 200, { status: 'ok' });
      case '/readyz': {
        const report = await readiness.report();
        return send(res, report.status === 'ok' ? 200 : 503, report);
      }
      case '/version':
        return send(res, 200, { name: 'spark', version, node: process.version });
      case '/metrics': {
        const known = isLocal(req) || authenticate(req.headers.authorization) !== undefined;
        if (!known) return send(res, 401, { code: 'unauthorized' });
        return sendText(res, 200, metrics.contentType, await metrics.text());
      }
      default:
        return send(res, 404, { code: 'not_found' });
    }
  };
  return (req: IncomingMessage, res: ServerResponse): void => {
    res.on('error', () => undefined);
    answer(req, res).catch(() => send(res, 500, { code: 'internal' }));
  };
}

function send(res: ServerResponse, status: number, body: unknown): void {
  sendText(res, status, 'application/json; charset=utf-8', JSON.stringify(body));
}

function sendText(res: ServerResponse, status: number, type: string, text: string): void {
  if (res.headersSent || res.destroyed) return;
  res.writeHead(status, {
    ...{ 'content-type': type, 'content-length': Buffer.byteLength(text) },
    ...{ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
  });
  res.end(text);
}

/** From this machine, and not through a proxy on it that stands for somebody else. */
function isLocal(req: IncomingMessage): boolean {
  const forwarded = req.headers['x-forwarded-for'] ?? req.headers['forwarded'];
  return forwarded === undefined && isLoopback(req.socket.remoteAddress);
}

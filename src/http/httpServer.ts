import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyServerFactory } from 'fastify';
import { LIMITS } from '../commands/limits.js';
import { type Clock, pause } from '../core/clock.js';
import type { Service } from '../core/service.js';
import type { Logger } from '../observability/logger.js';
import type { Metrics } from '../observability/metrics.js';
import type { App } from './app.js';
import { createAuthenticator, type TokenGrant } from './auth.js';
import { buildApp } from './buildApp.js';
import { registerCompression } from './compression.js';
import type { EditorsPort } from './editorsPort.js';
import { FrontDoor } from './frontDoor.js';
import { createHostGuard } from './hostGuard.js';
import { HTTP_LIMITS } from './limits.js';
import type {
  Cancellations,
  DeadLetterActions,
  Feed,
  Images,
  ReadinessCheck,
  Submitter,
  WorkerQueries,
} from './ports.js';
import type { PresetCatalogue } from './presetPort.js';
import { Readiness } from './readiness.js';
import type { ReadModels } from './readPort.js';
import { RecentAccepts } from './recentAccepts.js';
import { registerCancel } from './routes/cancel.js';
import { registerCommandRoutes } from './routes/commands.js';
import { registerDeadLetterActions } from './routes/deadLetterActions.js';
import { registerDeadLetters } from './routes/deadLetters.js';
import { registerEditors } from './routes/editors.js';
import { registerFrames } from './routes/frames.js';
import { type KeyPromise, registerHealth } from './routes/health.js';
import { registerLanding } from './routes/landing.js';
import { registerOperations } from './routes/operations.js';
import { registerPresets } from './routes/presets.js';
import { registerReconcile } from './routes/reconcile.js';
import { registerRollback } from './routes/rollback.js';
import { registerSessionEvents } from './routes/sessionEvents.js';
import { registerTransfer } from './routes/transfer.js';
import { registerUndo } from './routes/undo.js';
import { registerUploads, UPLOAD_ROUTE } from './routes/uploads.js';
import { registerUsage } from './routes/usage.js';
import { SseHub } from './sseHub.js';
import type { AdmitUpload, UploadStore } from './uploadPort.js';

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any free port; `address()` tells. */
  readonly port: number;
  readonly tokens: readonly TokenGrant[];
  /** Names beside localhost that may stand in `Host`, with or without a port. */
  readonly allowedHosts?: readonly string[];
  readonly version: string;
  /** What `/version` says of idempotency keys. */
  readonly keys: KeyPromise;
  readonly submitter: Submitter;
  readonly queries: WorkerQueries;
  readonly feed: Feed;
  readonly reads: ReadModels;
  readonly presets: PresetCatalogue;
  readonly uploads: UploadStore;
  readonly admitUpload: AdmitUpload;
  readonly editors: EditorsPort;
  readonly images: Images;
  readonly deadLetterActions: DeadLetterActions;
  readonly cancels: Cancellations;
  readonly checks: readonly ReadinessCheck[];
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How long `/readyz` says 503 before new connections are refused: load balancers look only now and then. */
  readonly drainDelayMs?: number;
  /** How long requests in flight may take to finish; what is left then is cut. */
  readonly drainMs?: number;
  readonly sseHeartbeatMs?: number;
}

export interface HttpServer extends Service {
  /** Where it listens, after `start`; with a name or address that can be dialled. */
  address(): { readonly host: string; readonly port: number; readonly url: string };
}

interface Running {
  readonly app: App;
  readonly server: Server;
  readonly door: FrontDoor;
  readonly readiness: Readiness;
  readonly hub: SseHub;
  readonly stopping: AbortController;
}

const DEFAULT_DRAIN_MS = 10_000;

/** The HTTP side of SPARK. `start` and `stop` are idempotent; `stop` drains: 503 on readyz, no new work, finish, close. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  let running: Promise<Running> | undefined;
  let stopped: Promise<void> | undefined;
  let bound: { host: string; port: number; url: string } | undefined;
  return {
    name: 'http',
    start: async () => {
      if (stopped) await stopped;
      stopped = undefined;
      running ??= open(options);
      const { server } = await running.catch((error: unknown) => {
        running = undefined;
        throw error;
      });
      bound = addressOf(server);
    },
    stop: () => {
      const current = running;
      running = undefined;
      if (current) stopped = current.then((open) => close(open, options));
      return stopped ?? Promise.resolve();
    },
    address: () => {
      if (!bound) throw new Error('the HTTP server has not been started');
      return bound;
    },
  };
}

async function open(options: HttpServerOptions): Promise<Running> {
  const { reads, queries, feed, metrics, logger, clock, submitter, version } = options;
  const stopping = new AbortController();
  const readiness = new Readiness(options.checks, clock);
  const hub = new SseHub(metrics, logger, options.sseHeartbeatMs);
  const lookup = { reads, queries, feed, recent: new RecentAccepts(HTTP_LIMITS.recentAccepts) };
  const { editors } = options;
  const submitDeps = { submitter, lookup, metrics, clock, editors, stopping: stopping.signal };
  const door = new FrontDoor({
    hot: submitDeps,
    authenticate: createAuthenticator(options.tokens),
    hostAllowed: createHostGuard(options.host, options.allowedHosts ?? []),
    ...{ metrics, logger, clock },
  });
  let server: Server | undefined;
  const serverFactory: FastifyServerFactory = (handler) => {
    server = createNodeServer(door, handler);
    return server;
  };
  const app = await buildApp(serverFactory, logger, (routes) => {
    registerCompression(routes);
    registerCommandRoutes(routes, { lookup, stopping: stopping.signal });
    registerReconcile(routes, { queries, lookup });
    registerCancel(routes, { lookup, clock, cancels: options.cancels, stopping: stopping.signal });
    registerSessionEvents(routes, { feed, reads, hub, logger });
    registerOperations(routes, { reads, feed, images: options.images });
    registerUndo(routes, { ...submitDeps, queries });
    registerRollback(routes, { ...submitDeps, queries });
    registerTransfer(routes, { ...submitDeps, reads, feed, images: options.images });
    registerPresets(routes, { ...submitDeps, presets: options.presets });
    registerFrames(routes, { reads, feed });
    registerEditors(routes, { editors: options.editors, clock });
    registerUploads(routes, { uploads: options.uploads, admit: options.admitUpload, clock });
    registerDeadLetters(routes, { reads });
    registerDeadLetterActions(routes, { ...submitDeps, reads, actions: options.deadLetterActions });
    registerUsage(routes, submitDeps);
    registerHealth(routes, { readiness, metrics, version, keys: options.keys });
    registerLanding(routes, { version });
  });
  metrics.set('spark_build_info', { version, node: process.version }, 1);
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await app.close();
    throw error;
  }
  hub.start();
  if (!server) throw new Error('Fastify did not ask for its server');
  return { app, server, door, readiness, hub, stopping };
}

function createNodeServer(door: FrontDoor, handler: Parameters<FastifyServerFactory>[0]): Server {
  const server = createServer(
    {
      headersTimeout: HTTP_LIMITS.headersTimeoutMs,
      requestTimeout: HTTP_LIMITS.requestTimeoutMs,
      keepAliveTimeout: HTTP_LIMITS.keepAliveTimeoutMs,
    },
    (req, res) => door.handle(req, res, handler),
  );
  // A client that asks before it sends a large body is answered first: it need not send what would be refused.
  server.on('checkContinue', (req, res) => {
    const decidesItself = req.url?.split('?')[0] === UPLOAD_ROUTE;
    if (!decidesItself && Number(req.headers['content-length'] ?? 0) <= LIMITS.rawRequestBytes)
      res.writeContinue();
    door.handle(req, res, handler);
  });
  return server;
}

function addressOf(server: Server): { host: string; port: number; url: string } {
  const { address, port, family } = server.address() as AddressInfo;
  const any = address === '0.0.0.0' || address === '::';
  const host = any ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return { host, port, url: `http://${host}:${port}` };
}

async function close(running: Running, options: HttpServerOptions): Promise<void> {
  const { app, server, door, readiness, hub, stopping } = running;
  readiness.drain();
  door.drain();
  await pause(options.clock, options.drainDelayMs ?? 0);
  stopping.abort();
  hub.stop();
  const closed = new AbortController();
  const finished = app.close().finally(() => closed.abort());
  const cut = pause(options.clock, options.drainMs ?? DEFAULT_DRAIN_MS, closed.signal).then(() => {
    if (!closed.signal.aborted) server.closeAllConnections();
  });
  await Promise.all([finished, cut]);
}

/** Starts the simulator in this process: state folder, editors, HTTP server. `main.ts` makes a process of it. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveControl } from './control-api.js';
import { SimulatorError } from './errors.js';
import { type Exchange, sendJson } from './exchange.js';
import { serveMcp } from './mcp-endpoint.js';
import { DEFAULT_OPTIONS, type SimulatorOptions } from './options.js';
import { serveCommand, serveHealth, serveInstances } from './rest-api.js';
import { openSimulator, type Simulator } from './simulator.js';
import { type SlowStreams, watchSlowStreams } from './slow-streams.js';
import { lockState } from './state-lock.js';

export interface RunningSimulator {
  /** The MCP endpoint, `http://host:port/mcp`. */
  readonly url: string;
  /** The control API, `http://host:port/sim`. */
  readonly sim: string;
  readonly port: number;
  /** Project folder of each editor. */
  readonly projects: Readonly<Record<string, string>>;
  readonly effectLog: string;
  /** Ends all connections and work under way; may be called again. */
  stop(): Promise<void>;
}

/** Undici and others reuse connections for as long as the server allows; a short time makes needless resets. */
const KEEP_ALIVE_MS = 60_000;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?|::ffff:127(\.\d{1,3}){3})$/;

/** Starts a simulator; throws SimulatorError `not_loopback`, `state_in_use`, `bad_editor` or `effect_log_damaged`. */
export async function startSimulator(
  given: Pick<SimulatorOptions, 'stateDir'> & Partial<SimulatorOptions>,
): Promise<RunningSimulator> {
  const options: SimulatorOptions = { ...DEFAULT_OPTIONS, ...given };
  if (!LOOPBACK.test(options.host)) {
    throw new SimulatorError('not_loopback', `the simulator has no access control and binds loopback only`);
  }
  const lock = await lockState(options.stateDir);
  try {
    const simulator = openSimulator(options);
    const streams = watchSlowStreams();
    const server = await listen(simulator, streams);
    return running(
      simulator,
      server,
      once(async () => {
        streams.stop();
        simulator.close();
        await closeServer(server);
        await lock.release();
      }),
    );
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function running(simulator: Simulator, server: Server, stop: () => Promise<void>): RunningSimulator {
  const { host } = simulator.options;
  const { port } = server.address() as AddressInfo;
  const origin = `http://${host.includes(':') ? `[${host.replace(/[[\]]/g, '')}]` : host}:${port}`;
  return {
    url: `${origin}/mcp`,
    sim: `${origin}/sim`,
    port,
    projects: Object.fromEntries([...simulator.editors.values()].map((editor) => [editor.name, editor.root])),
    effectLog: simulator.effectLogFile,
    stop,
  };
}

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= act();
    return done;
  };
}

async function listen(simulator: Simulator, streams: SlowStreams): Promise<Server> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://simulator');
    serve(simulator, streams, { request, response, url }).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { success: false, error: String(error) });
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const { port, host } = simulator.options;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host.replace(/[[\]]/g, ''), () => resolve());
  }).catch((error: unknown) => {
    simulator.close();
    streams.stop();
    throw error;
  });
  return server;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function serve(simulator: Simulator, streams: SlowStreams, exchange: Exchange): Promise<void> {
  const { request, response, url } = exchange;
  if (!isLocal(exchange)) return sendJson(response, 403, { error: 'loopback only' });
  if (url.pathname === '/mcp' || url.pathname === '/mcp/') return serveMcp(simulator, streams, exchange);
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /health':
      return serveHealth(simulator, exchange);
    case 'GET /api/instances':
      return serveInstances(simulator, exchange);
    case 'POST /api/command':
      return serveCommand(simulator, exchange);
  }
  if (await serveControl(simulator, exchange)) return;
  sendJson(response, 404, { error: 'Not Found' });
}

/** Neither another machine nor a web page (DNS rebinding) may drive the simulator: it writes files when asked. */
function isLocal({ request }: Exchange): boolean {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  const { origin } = request.headers;
  return LOOPBACK.test(host) && (origin === undefined || LOOPBACK.test(hostOf(origin)));
}

function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).hostname : '';
}

/** The embedded nats-server: JetStream on, loopback only, one user per role, restarted when it dies; alone, or one of a cluster. */
import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from './atomicFile.js';
import { NatsTooOldError } from './errors.js';
import type { NatsBinary } from './natsBinary.js';
import { type NatsClusterConfig, type NatsUser, renderNatsConfig } from './natsConfig.js';
import { readNatsInfo, waitForNats } from './natsReady.js';
import { type FsyncProfile, fsyncProfile, isSupportedNats, MINIMUM_NATS_VERSION } from './natsVersion.js';
import { rememberedPort } from './ports.js';
import type { HomeState } from './stateFile.js';
import { type ChildExit, SupervisedChild } from './supervisedChild.js';

const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;
const MAX_MEMORY_STORE_BYTES = 256 * 1024 * 1024;
const STOP_STEP_MS = 1_500;
/** JetStream checks its whole store before it serves. */
const READY_TIMEOUT_MS = 120_000;

export interface NatsServerOptions {
  readonly binary: NatsBinary;
  /** The server's own folder: configuration, store, log. */
  readonly dir: string;
  /** Where pid files lie (`home.runDir`). */
  readonly runDir: string;
  /** Keeps the chosen ports. */
  readonly state: HomeState;
  readonly users: readonly NatsUser[];
  /** Default `always`; a server before 2.15 falls back to `100ms` (see `profile`). */
  readonly syncInterval?: FsyncProfile;
  readonly maxPayloadBytes?: number;
  readonly maxFileStoreBytes?: number;
  readonly maxMemoryStoreBytes?: number;
  readonly websocketOrigins?: readonly string[];
  /** Only of a cluster's server: without, it stands alone. */
  readonly serverName?: string;
  readonly cluster?: NatsClusterConfig;
  readonly onExit?: (exit: ChildExit) => void;
  readonly onRestart?: (pid: number) => void;
}

export interface NatsServer {
  readonly url: string;
  readonly wsUrl: string;
  readonly monitorUrl: string;
  /** The pid while it runs: changes with a restart. */
  readonly pid: number | undefined;
  readonly version: string;
  /** The fsync profile that is on. */
  readonly profile: FsyncProfile;
  /** Starts it again after `stop` (a fault for tests); same ports and data. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the server and waits until JetStream serves. @throws ChildStartError, NatsTooOldError */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const { binary, runDir, state } = options;
  if (!isSupportedNats(binary.version)) {
    throw new NatsTooOldError(`nats-server ${binary.version} is older than ${MINIMUM_NATS_VERSION}.`);
  }
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  const dir = realpathSync(options.dir);
  const profile = fsyncProfile(binary.version, options.syncInterval ?? 'always');
  const configFile = join(dir, 'nats.conf');
  let ports: Ports | undefined;
  const child = new SupervisedChild({
    name: options.serverName ?? 'nats',
    command: [binary.path, '-c', configFile],
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/local/bin:/usr/bin:/bin' },
    cwd: '/',
    stopSignals: ['SIGTERM'],
    stopStepMs: STOP_STEP_MS,
    runDir,
    logFile: join(dir, 'nats.log'),
    readyTimeoutMs: READY_TIMEOUT_MS,
    beforeStart: async () => {
      // Chosen here, once: a survivor of an earlier run, which holds the remembered ports, has just been stopped.
      ports ??= await choosePorts(state);
      writeFileAtomically(configFile, renderConfig(options, dir, ports, profile));
    },
    ready: async (signal) => {
      await waitForNats(portsOf(ports).client, signal);
    },
    onExit: options.onExit,
    onRestart: options.onRestart,
  });
  await child.start();
  const { client, websocket, monitor } = portsOf(ports);
  const info = await readNatsInfo(client);
  return {
    url: `nats://127.0.0.1:${client}`,
    wsUrl: `ws://127.0.0.1:${websocket}`,
    monitorUrl: `http://127.0.0.1:${monitor}`,
    get pid() {
      return child.pid;
    },
    version: info?.version ?? binary.version,
    profile,
    start: () => child.start(),
    stop: () => child.stop(),
  };
}

interface Ports {
  readonly client: number;
  readonly websocket: number;
  readonly monitor: number;
}

async function choosePorts(state: HomeState): Promise<Ports> {
  return {
    client: await rememberedPort(state, 'natsPort'),
    websocket: await rememberedPort(state, 'natsWebsocketPort'),
    monitor: await rememberedPort(state, 'natsMonitorPort'),
  };
}

function portsOf(ports: Ports | undefined): Ports {
  if (ports === undefined) throw new Error('The ports are chosen before the first start.');
  return ports;
}

function renderConfig(options: NatsServerOptions, dir: string, ports: Ports, profile: FsyncProfile): string {
  return renderNatsConfig({
    port: ports.client,
    websocketPort: ports.websocket,
    monitorPort: ports.monitor,
    storeDir: join(dir, 'store'),
    profile,
    users: options.users,
    maxPayloadBytes: options.maxPayloadBytes ?? MAX_PAYLOAD_BYTES,
    maxFileStoreBytes: options.maxFileStoreBytes,
    maxMemoryStoreBytes: options.maxMemoryStoreBytes ?? MAX_MEMORY_STORE_BYTES,
    websocketOrigins: options.websocketOrigins ?? [],
    serverName: options.serverName,
    cluster: options.cluster,
  });
}

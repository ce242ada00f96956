import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Home } from '../../src/embedded/home.js';
import { findNatsBinary } from '../../src/embedded/natsBinary.js';
import { startNatsCluster } from '../../src/embedded/natsCluster.js';
import { startNatsServer } from '../../src/embedded/natsServer.js';
import type { History } from '../history.js';
import type { ControlledProcess } from '../ports.js';
import { createRoutes, type Routes } from '../proxy/routes.js';
import { natsUsers } from './access.js';
import { ManagedProcess, type RecoveryWatch } from './managedProcess.js';
import { type Mount, mountSmallDisk } from './smallDisk.js';

/** NATS of a run: one server, or a cluster of three. */
export interface NatsFleet {
  readonly urls: readonly string[];
  readonly ports: readonly number[];
  readonly monitorUrls: readonly string[];
  readonly processes: readonly ControlledProcess[];
  /** The disk its store lies on, where that is one of its own. */
  readonly mount: Mount | undefined;
  /** What lies between the servers of a cluster. */
  readonly routes: Routes | undefined;
  stop(): Promise<void>;
}

export interface FleetOptions {
  readonly home: Home;
  readonly history: History;
  readonly watchRecovery: RecoveryWatch;
  readonly onProgress: (message: string) => void;
}

/** Said aloud because the disk is small: a reservation that does not fit would be refused at the start, not when the disk is full. */
const STORE_MAX_BYTES = 16 * 1024 * 1024 * 1024;

export const natsBinary = (onProgress: (message: string) => void) =>
  findNatsBinary({
    explicitPath: process.env['SPARK_NATS_SERVER'],
    cacheDir: process.env['SPARK_CACHE'] ?? join(homedir(), '.cache', 'spark'),
    env: process.env,
    onProgress,
  });

/** One nats-server as the embedded default has it: every acknowledgement is an fsync, every role its own user. */
export async function startOneNats(options: FleetOptions): Promise<NatsFleet> {
  const { home, history, watchRecovery, onProgress } = options;
  const dir = home.stateDir('nats');
  const mount = await mountSmallDisk(join(dir, 'store'));
  let managed: ManagedProcess | undefined;
  try {
    const server = await startNatsServer({
      binary: await natsBinary(onProgress),
      dir,
      runDir: home.runDir,
      state: home.state,
      users: natsUsers(home.state),
      syncInterval: 'always',
      maxFileStoreBytes: STORE_MAX_BYTES,
      onExit: (exit) => managed?.onExit(exit),
      onRestart: () => managed?.onRestart(),
    });
    managed = new ManagedProcess({ name: 'nats-1', kind: 'nats', daemon: server, history, watchRecovery });
    return {
      urls: [server.url],
      ports: [portOf(server.url)],
      monitorUrls: [server.monitorUrl],
      processes: [managed],
      mount,
      routes: undefined,
      stop: async () => {
        await server.stop();
        await mount?.unmount();
      },
    };
  } catch (error) {
    await mount?.unmount();
    throw error;
  }
}

/** Three servers that hold every stream three times. Only the first has a small disk: the other two are a majority. */
export async function startThreeNats(options: FleetOptions): Promise<NatsFleet> {
  const { home, history, watchRecovery, onProgress } = options;
  const dir = home.stateDir('nats');
  const mount = await mountSmallDisk(join(dir, 'nats-1', 'store'));
  const managed = new Map<string, ManagedProcess>();
  const routes = createRoutes();
  try {
    const cluster = await startNatsCluster({
      binary: await natsBinary(onProgress),
      dir,
      runDir: home.runDir,
      state: home.state,
      users: natsUsers(home.state),
      maxFileStoreBytes: STORE_MAX_BYTES,
      routeVia: routes.lay,
      onExit: (name, exit) => managed.get(name)?.onExit(exit),
      onRestart: (name) => managed.get(name)?.onRestart(),
    });
    for (const node of cluster.nodes)
      managed.set(
        node.name,
        new ManagedProcess({ name: node.name, kind: 'nats', daemon: node, history, watchRecovery }),
      );
    return {
      urls: cluster.nodes.map(({ url }) => url),
      ports: cluster.nodes.map(({ url }) => portOf(url)),
      monitorUrls: cluster.nodes.map(({ monitorUrl }) => monitorUrl),
      processes: [...managed.values()],
      mount,
      routes,
      stop: async () => {
        await cluster.stop();
        await routes.close();
        await mount?.unmount();
      },
    };
  } catch (error) {
    await routes.close();
    await mount?.unmount();
    throw error;
  }
}

const portOf = (url: string): number => Number(new URL(url).port);

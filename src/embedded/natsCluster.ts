/**
 * Several nats-servers on loopback that hold JetStream together: what an operator runs on several machines, for tests and for chaos. Each
 * has its own store, ports and dead-man watcher (natsServer.ts) and fsyncs every acknowledgement; all have the same users.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsBinary } from './natsBinary.js';
import type { NatsUser } from './natsConfig.js';
import { type NatsServer, startNatsServer } from './natsServer.js';
import { rememberedPort } from './ports.js';
import type { HomeState } from './stateFile.js';
import type { ChildExit } from './supervisedChild.js';

const POLL_MS = 25;
/** Nobody listens there. */
const NOWHERE = 1;
const ASK_TIMEOUT_MS = 2_000;
/** The first election takes well under a second; later ones up to 9 s, and a busy machine more. */
const READY_TIMEOUT_MS = 60_000;

export interface NatsClusterOptions {
  readonly binary: NatsBinary;
  /** Each server has a folder of its own in it. */
  readonly dir: string;
  readonly runDir: string;
  /** Keeps ports and the servers' password among each other. */
  readonly state: HomeState;
  readonly users: readonly NatsUser[];
  /** Default 3. */
  readonly size?: number;
  readonly maxFileStoreBytes?: number;
  /** The port under which a server reaches another one's route port: where something is laid between them. Default: that port itself. */
  readonly routeVia?: ((from: string, to: string, port: number) => Promise<number>) | undefined;
  readonly onExit?: (name: string, exit: ChildExit) => void;
  readonly onRestart?: (name: string, pid: number) => void;
}

/** One server of it. Killed by a signal it comes back by itself; `kill` and `stop` leave it down until `start`. */
export interface NatsNode extends Pick<NatsServer, 'pid' | 'url' | 'monitorUrl' | 'start' | 'stop'> {
  /** `nats-1` … */
  readonly name: string;
  /** kill -9, and down. */
  kill(): Promise<void>;
}

export interface NatsCluster {
  readonly nodes: readonly NatsNode[];
  /** For `NATS_URL`: all servers, comma-separated. */
  readonly url: string;
  /** @throws Error for a name that no server has. */
  node(name: string): NatsNode;
  /** Resolves when a leader is elected and every server that runs is up with it: streams can be made. */
  ready(): Promise<void>;
  /** Name of the server that places streams and consumers; undefined during an election. */
  metaLeader(): Promise<string | undefined>;
  /** Name of the server that leads the stream; undefined when none does, or there is no such stream. */
  leaderOf(stream: string): Promise<string | undefined>;
  /** True when each copy of each stream is there and has everything. */
  inSync(): Promise<boolean>;
  stop(): Promise<void>;
}

/** Starts the servers side by side and waits until streams can be made. @throws ChildStartError, NatsTooOldError */
export async function startNatsCluster(options: NatsClusterOptions): Promise<NatsCluster> {
  const names = Array.from({ length: options.size ?? 3 }, (_, index) => `nats-${index + 1}`);
  const routes: number[] = [];
  for (const name of names) routes.push(await rememberedPort(options.state, `${name}:routePort`));
  const started = await Promise.allSettled(names.map((name, at) => startNode(options, name, at, routes)));
  const nodes = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (const result of started) if (result.status === 'rejected') throw result.reason;
    const cluster = clusterOf(nodes, stop);
    await cluster.ready();
    return cluster;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startNode(
  options: NatsClusterOptions,
  name: string,
  at: number,
  routes: readonly number[],
): Promise<NatsNode> {
  const { binary, dir, runDir, state, users, maxFileStoreBytes, onExit, onRestart } = options;
  const others = routes.map((port, index) =>
    index === at || !options.routeVia ? port : options.routeVia(name, `nats-${index + 1}`, port),
  );
  const server = await startNatsServer({
    binary,
    dir: join(dir, name),
    runDir,
    state: stateOf(state, name),
    users,
    syncInterval: 'always',
    ...(maxFileStoreBytes === undefined ? {} : { maxFileStoreBytes }),
    serverName: name,
    cluster: {
      name: 'spark',
      routePort: routes[at] as number,
      routes: await Promise.all(others),
      // Told of each other's own ports they would go past what is laid between them.
      advertisedPort: options.routeVia ? NOWHERE : undefined,
      user: 'route',
      password: state.secret('natsRoutes'),
    },
    onExit: (exit) => onExit?.(name, exit),
    onRestart: (pid) => onRestart?.(name, pid),
  });
  return {
    name,
    url: server.url,
    monitorUrl: server.monitorUrl,
    get pid() {
      return server.pid;
    },
    start: () => server.start(),
    stop: () => server.stop(),
    kill: async () => {
      if (server.pid !== undefined) process.kill(server.pid, 'SIGKILL');
      // Its supervisor must not start it again.
      await server.stop();
    },
  };
}

/** Each server remembers its own ports. */
function stateOf(state: HomeState, name: string): HomeState {
  return {
    get: (key) => state.get(`${name}:${key}`),
    set: (key, value) => state.set(`${name}:${key}`, value),
    secret: (key) => state.secret(`${name}:${key}`),
  };
}

function clusterOf(nodes: readonly NatsNode[], stop: () => Promise<void>): NatsCluster {
  const asked = async (): Promise<Jsz[]> => {
    const running = nodes.filter(({ pid }) => pid !== undefined);
    return (await Promise.all(running.map(askServer))).filter((answer) => answer !== undefined);
  };
  const metaLeader = async (): Promise<string | undefined> => agreed(await asked());
  return {
    nodes,
    url: nodes.map(({ url }) => url).join(','),
    node: (name) => {
      const found = nodes.find((node) => node.name === name);
      if (!found) throw new Error(`no server is called ${name}`);
      return found;
    },
    ready: () =>
      until(async () => isReady(await asked(), nodes.filter(({ pid }) => pid !== undefined).length)),
    metaLeader,
    leaderOf: async (stream) =>
      (await asked()).flatMap(streamsOf).find(({ name, isLeader }) => name === stream && isLeader)?.leader,
    inSync: async () => {
      const answers = await asked();
      const led = answers.flatMap(streamsOf).filter(({ isLeader }) => isLeader);
      return answers.length === nodes.length && led.length > 0 && led.every(({ current }) => current);
    },
    stop,
  };
}

/** What matters of `/jsz`, the server's own word on JetStream. */
interface Jsz {
  readonly server: string;
  readonly meta_cluster?: { readonly leader?: string; readonly replicas?: readonly Peer[] };
  readonly account_details?: readonly { readonly stream_detail?: readonly StreamDetail[] }[];
}
interface Peer {
  readonly current: boolean;
  readonly offline?: boolean;
}
interface Group {
  readonly leader?: string;
  readonly replicas?: readonly Peer[];
}
interface StreamDetail {
  readonly name: string;
  readonly config?: { readonly num_replicas?: number };
  readonly cluster?: Group;
  readonly consumer_detail?: readonly {
    readonly config?: { readonly durable_name?: string };
    readonly cluster?: Group;
  }[];
}

async function askServer({ name, monitorUrl }: NatsNode): Promise<Jsz | undefined> {
  try {
    const response = await fetch(`${monitorUrl}/jsz?accounts=true&streams=true&consumers=true&config=true`, {
      signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
    });
    return { ...((await response.json()) as object), server: name };
  } catch {
    return undefined; // down, paused, or just starting: it has no word in this
  }
}

/** The leader that its own server takes for one too: others may still name a dead one. */
function agreed(answers: readonly Jsz[]): string | undefined {
  return answers.find(({ server, meta_cluster }) => meta_cluster?.leader === server)?.server;
}

function isReady(answers: readonly Jsz[], running: number): boolean {
  const leader = answers.find(({ server }) => server === agreed(answers));
  const up = (leader?.meta_cluster?.replicas ?? []).filter(({ current, offline }) => current && !offline);
  return answers.length === running && leader !== undefined && up.length + 1 >= running;
}

const streamsOf = ({ server, account_details = [] }: Jsz) =>
  account_details
    .flatMap(({ stream_detail = [] }) => stream_detail)
    .map(({ name, cluster, config, consumer_detail = [] }) => {
      const copies = config?.num_replicas ?? 1;
      // A server knows how a consumer stands only where it leads it; one that only reads along has a single copy.
      const consumers = consumer_detail.filter((consumer) => consumer.config?.durable_name !== undefined);
      const led = consumers.flatMap((consumer) =>
        consumer.cluster?.leader === server ? consumer.cluster : [],
      );
      return {
        name,
        leader: cluster?.leader,
        isLeader: cluster?.leader === server,
        current: isWhole(cluster, copies) && led.every((group) => isWhole(group, copies)),
      };
    });

const isWhole = (group: Group | undefined, copies: number): boolean => {
  const others = group?.replicas ?? [];
  return others.length + 1 >= copies && others.every(({ current, offline }) => current && !offline);
};

async function until(holds: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + READY_TIMEOUT_MS;
  while (!(await holds())) {
    if (performance.now() > giveUpAt)
      throw new Error(`the NATS cluster was not ready within ${READY_TIMEOUT_MS} ms`);
    await sleep(POLL_MS);
  }
}

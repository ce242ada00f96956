import type { FsyncProfile } from './natsVersion.js';

/**
 * One NATS user and what it may do. Subjects may hold wildcards; an empty list allows nothing. Never `allow_responses`: whoever hears a
 * request could answer it (docs/adr/0014).
 */
export interface NatsUser {
  readonly user: string;
  readonly password: string;
  readonly permissions: {
    readonly publish: { readonly allow: readonly string[]; readonly deny?: readonly string[] };
    readonly subscribe: { readonly allow: readonly string[]; readonly deny?: readonly string[] };
  };
}

/** The other servers of a cluster, and how servers get in among each other; loopback too. */
export interface NatsClusterConfig {
  readonly name: string;
  readonly routePort: number;
  /** Route ports of all servers, one's own may be among them. */
  readonly routes: readonly number[];
  /** The route port that servers tell each other of; absent: the one they listen on. */
  readonly advertisedPort?: number | undefined;
  readonly user: string;
  readonly password: string;
}

export interface NatsConfig {
  /** Unique in its cluster, and the same at each start: the cluster knows its members by it. */
  readonly serverName?: string | undefined;
  readonly cluster?: NatsClusterConfig | undefined;
  readonly port: number;
  readonly websocketPort: number;
  readonly monitorPort: number;
  readonly storeDir: string;
  readonly profile: FsyncProfile;
  readonly users: readonly NatsUser[];
  readonly maxPayloadBytes: number;
  readonly maxFileStoreBytes?: number | undefined;
  readonly maxMemoryStoreBytes: number;
  /** Pages that may open the websocket, e.g. `http://127.0.0.1:8090`; one port per host name (a limit of the server). */
  readonly websocketOrigins: readonly string[];
}

const LOOPBACK = '127.0.0.1';
/** What the server matches nothing with: an empty allow list would mean "everything". */
const NOTHING = '>';

/** The configuration file's text. nats-server reads JSON. */
export function renderNatsConfig(config: NatsConfig): string {
  const origins = config.websocketOrigins;
  const document = {
    server_name: config.serverName ?? 'spark-embedded',
    host: LOOPBACK,
    port: config.port,
    http: `${LOOPBACK}:${config.monitorPort}`,
    max_payload: config.maxPayloadBytes,
    jetstream: {
      store_dir: config.storeDir,
      sync_interval: config.profile,
      // The default, said aloud: without it an acknowledgement sent to the JetStream API is a valid purge (docs/adr/0014).
      strict: true,
      max_memory_store: config.maxMemoryStoreBytes,
      ...(config.maxFileStoreBytes === undefined ? {} : { max_file_store: config.maxFileStoreBytes }),
    },
    websocket: {
      host: LOOPBACK,
      port: config.websocketPort,
      no_tls: true,
      ...(origins.length === 0 ? { same_origin: true } : { allowed_origins: origins }),
    },
    ...(config.cluster === undefined ? {} : { cluster: renderCluster(config.cluster) }),
    authorization: { users: config.users.map(renderUser) },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function renderCluster(cluster: NatsClusterConfig): object {
  const { name, routePort, routes, advertisedPort, user, password } = cluster;
  return {
    name,
    host: LOOPBACK,
    port: routePort,
    // Clients are told every server by whoever starts them.
    no_advertise: true,
    ...(advertisedPort === undefined ? {} : { advertise: `${LOOPBACK}:${advertisedPort}` }),
    authorization: { user, password },
    routes: routes.map((port) => `nats://${user}:${password}@${LOOPBACK}:${port}`),
  };
}

function renderUser(user: NatsUser): object {
  const { publish, subscribe } = user.permissions;
  return {
    user: user.user,
    password: user.password,
    permissions: {
      publish: renderRule(publish),
      subscribe: renderRule(subscribe),
    },
  };
}

function renderRule(rule: NatsUser['permissions']['publish']): object {
  if (rule.allow.length === 0) return { deny: [NOTHING] };
  return { allow: rule.allow, ...(rule.deny === undefined ? {} : { deny: rule.deny }) };
}

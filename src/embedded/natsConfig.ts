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

export interface NatsConfig {
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
    server_name: 'spark-embedded',
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
    authorization: { users: config.users.map(renderUser) },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
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

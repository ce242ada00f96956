import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.js';
import { SparkError } from '../core/errors.js';
import type { Home } from '../embedded/home.js';
import type { DatabaseRole, Parts, ServicePlace } from '../roles/parts.js';
import { NATS_PERMISSIONS, type NatsRole } from '../streams/permissions.js';
import { parseUnityEditors } from '../unity/parseUnityEditors.js';
import { configuredServices } from './servicesProcess.js';

/** The servers of a running home as another process of the same user may use them. Mode 0600: it holds every role's password. */
interface PartsFile {
  readonly token: string;
  readonly nats: {
    readonly url: string;
    readonly wsUrl: string | null;
    readonly users: Record<string, { user: string; password: string } | null>;
  };
  readonly postgres: {
    readonly adminUrl: string;
    readonly hasReplica: boolean;
    readonly urls: Record<string, string>;
  };
  readonly unity: { readonly mcpUrl: string; readonly simulator: string | null };
  readonly services?: { readonly cv?: ServicePlace | undefined; readonly asr?: ServicePlace | undefined };
}

export class NoPartsError extends SparkError {
  readonly code = 'no_parts';
}

const FILE = 'parts.json';
const DATABASE_ROLES: readonly DatabaseRole[] = ['spark_projector', 'spark_ingest', 'spark_dashboard_ro'];

/** Leaves word in the home for roles that are started beside `spark start`. */
export function describeParts(home: Home, parts: Parts, token: string): void {
  const servers = ['primary', 'replica'] as const;
  const content: PartsFile = {
    token,
    nats: {
      url: parts.nats.url,
      wsUrl: parts.nats.wsUrl,
      users: Object.fromEntries(
        (Object.keys(NATS_PERMISSIONS) as NatsRole[]).map((role) => [
          role,
          parts.nats.credentials(role) ?? null,
        ]),
      ),
    },
    postgres: {
      adminUrl: parts.postgres.adminUrl,
      hasReplica: parts.postgres.hasReplica,
      urls: Object.fromEntries(
        DATABASE_ROLES.flatMap((role) =>
          servers.map((server) => [`${role}@${server}`, parts.postgres.urlOf(role, server)]),
        ),
      ),
    },
    unity: {
      mcpUrl: parts.unity.mcpUrl,
      simulator: parts.unity.resolve ? new URL(parts.unity.mcpUrl).origin : null,
    },
    services: parts.services,
  };
  const file = join(home.runDir, FILE);
  writeFileSync(`${file}.tmp`, JSON.stringify(content), { mode: 0o600 });
  renameSync(`${file}.tmp`, file);
}

/** The servers that URLs name; what no URL names is taken from the running home. Throws `NoPartsError` when there is neither. */
export function attachParts(config: Config): { parts: Parts; token: string } {
  const file =
    config.NATS_URL && config.DATABASE_URL && config.UNITY_MCP_URL ? undefined : readPartsFile(config);
  const token = config.SPARK_TOKEN ?? file?.token;
  if (token === undefined)
    throw new NoPartsError('set SPARK_TOKEN: there is no running home to take the token from');
  return {
    token,
    parts: {
      nats: natsOf(config, file),
      postgres: postgresOf(config, file),
      unity: unityOf(config, file),
      services: configuredServices(config, file?.services),
    },
  };
}

function readPartsFile(config: Config): PartsFile {
  const path = join(config.SPARK_HOME, 'run', FILE);
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as PartsFile;
  } catch (cause) {
    throw new NoPartsError(
      `set NATS_URL, DATABASE_URL and UNITY_MCP_URL, or start SPARK in this home first (${config.SPARK_HOME} has no running one)`,
      { cause },
    );
  }
}

function natsOf(config: Config, file: PartsFile | undefined): Parts['nats'] {
  if (file && !config.NATS_URL)
    return {
      url: file.nats.url,
      wsUrl: file.nats.wsUrl,
      credentials: (role) => file.nats.users[role] ?? undefined,
    };
  const { NATS_USER: user, NATS_PASSWORD: password } = config;
  return {
    url: config.NATS_URL ?? '',
    wsUrl: config.NATS_WS_URL ?? null,
    credentials: () => (user === undefined ? undefined : { user, password: password ?? '' }),
  };
}

function postgresOf(config: Config, file: PartsFile | undefined): Parts['postgres'] {
  if (file && !config.DATABASE_URL)
    return {
      adminUrl: file.postgres.adminUrl,
      hasReplica: file.postgres.hasReplica,
      urlOf: (role, server) => file.postgres.urls[`${role}@${server}`] ?? '',
      passwords: {},
    };
  const primary = config.DATABASE_URL ?? '';
  const replica = config.DATABASE_REPLICA_URL;
  return {
    adminUrl: primary,
    hasReplica: replica !== undefined,
    urlOf: (_role, server) => (server === 'replica' ? (replica ?? primary) : primary),
    passwords: {},
  };
}

function unityOf(config: Config, file: PartsFile | undefined): Parts['unity'] {
  const editors = config.UNITY_EDITORS ? parseUnityEditors(config.UNITY_EDITORS) : [];
  const mcpUrl = config.UNITY_MCP_URL ?? file?.unity.mcpUrl ?? '';
  return { mcpUrl, token: config.UNITY_MCP_TOKEN, editors, resolve: undefined };
}

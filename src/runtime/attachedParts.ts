import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AppRole } from '../app.js';
import type { Config } from '../config.js';
import { SparkError } from '../core/errors.js';
import type { Home } from '../embedded/home.js';
import type { DatabaseRole, Parts, ServicePlace } from '../roles/parts.js';
import { NATS_PERMISSIONS, type NatsRole } from '../streams/permissions.js';
import { parseUnityEditors } from '../unity/parseUnityEditors.js';
import { configuredNats } from './configuredNats.js';
import { configuredServices } from './servicesProcess.js';
import { simulatorResolver } from './simulatorProcess.js';

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
export function describeParts(home: Pick<Home, 'runDir'>, parts: Parts, token: string): void {
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

/** What a role must be told, of itself or by the running home it belongs to. */
interface Needs {
  readonly variables: readonly ('NATS_URL' | 'DATABASE_URL' | 'UNITY_MCP_URL')[];
  /** The API's. */
  readonly token: boolean;
}

const EVERYTHING: Needs = { variables: ['NATS_URL', 'DATABASE_URL', 'UNITY_MCP_URL'], token: true };

/** Only ingest serves the API; a worker or a gate has no business with Postgres, nor has a worker with Unity where a gate of its own has. */
function needsOf(role: AppRole | undefined, config: Config): Needs {
  switch (role) {
    case 'gate':
      return { variables: ['NATS_URL', 'UNITY_MCP_URL'], token: false };
    case 'worker':
      return {
        variables: config.SPARK_GATE_URL ? ['NATS_URL'] : ['NATS_URL', 'UNITY_MCP_URL'],
        token: false,
      };
    case 'projector':
      return { variables: ['NATS_URL', 'DATABASE_URL'], token: false };
    default:
      return EVERYTHING;
  }
}

/**
 * The servers that URLs name; what `role` needs and no URL names is taken from the running home. Throws `NoPartsError` when there is
 * neither. Without a role: everything is needed.
 */
export function attachParts(
  config: Config,
  role?: AppRole,
): { readonly parts: Parts; readonly token: string } {
  const needs = needsOf(role, config);
  const named = needs.variables.every((name) => config[name] !== undefined);
  const file = named ? undefined : readPartsFile(config, needs);
  const token = config.SPARK_TOKEN ?? file?.token ?? (needs.token ? undefined : '');
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

function readPartsFile(config: Config, { variables }: Needs): PartsFile {
  const path = join(config.SPARK_HOME, 'run', FILE);
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as PartsFile;
  } catch (cause) {
    const missing = variables.filter((name) => config[name] === undefined);
    throw new NoPartsError(
      `set ${missing.join(' and ')}, or start SPARK in this home first (${config.SPARK_HOME} has no running one)`,
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
  return configuredNats(config);
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
  // The home's simulator, and nobody else's: it tells where the project folders are.
  const simulator = config.UNITY_MCP_URL ? null : file?.unity.simulator;
  const resolve = simulator ? simulatorResolver(simulator) : undefined;
  return { mcpUrl, token: config.UNITY_MCP_TOKEN, editors, resolve };
}

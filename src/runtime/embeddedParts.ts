import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Config, processEnvironment } from '../config.js';
import type { Home } from '../embedded/home.js';
import { findNatsBinary } from '../embedded/natsBinary.js';
import { type NatsServer, startNatsServer } from '../embedded/natsServer.js';
import { type PostgresPair, startPostgresPair } from '../embedded/postgresPair.js';
import type { Metrics } from '../observability/metrics.js';
import type { DatabaseRole, Parts } from '../roles/parts.js';
import { NATS_PERMISSIONS, type NatsRole } from '../streams/permissions.js';
import { parseUnityEditors } from '../unity/parseUnityEditors.js';
import { configuredNats } from './configuredNats.js';
import { configuredServices, createServicesProcess, type ServicesProcess } from './servicesProcess.js';
import { type SimulatorProcess, startSimulatorProcess } from './simulatorProcess.js';

export interface RunningParts extends Parts {
  readonly embedded: {
    readonly nats: NatsServer | undefined;
    readonly postgres: PostgresPair | undefined;
    readonly simulator: SimulatorProcess | undefined;
    /** Not started: `begin` it when everything else runs. */
    readonly services: ServicesProcess | undefined;
  };
  stop(): Promise<void>;
}

export interface PartsOptions {
  readonly config: Config;
  readonly home: Home;
  readonly httpPort: number;
  readonly progress: (message: string) => void;
  readonly warn: (message: string, error?: unknown) => void;
  /** A part was restarted under a new pid. */
  readonly changed: () => void;
  /** Where it is counted what was done about an unwell standby. */
  readonly metrics?: Pick<Metrics, 'inc'> | undefined;
}

/** Starts what no URL replaces, side by side; stops all of it again when one part fails. */
export async function startParts(options: PartsOptions): Promise<RunningParts> {
  const started = await Promise.allSettled([
    startNats(options),
    startPostgres(options),
    startSimulator(options),
    createServicesProcess(options),
  ]);
  const [nats, postgres, simulator, services] = started.map((result) =>
    result.status === 'fulfilled' ? result.value : undefined,
  ) as [
    NatsServer | undefined,
    PostgresPair | undefined,
    SimulatorProcess | undefined,
    ServicesProcess | undefined,
  ];
  const stop = async () => {
    await Promise.all([nats?.stop(), postgres?.stop(), simulator?.stop(), services?.stop()]);
  };
  const failed = started.find((result) => result.status === 'rejected');
  if (failed?.status === 'rejected') {
    await stop();
    throw failed.reason;
  }
  const { config, home } = options;
  return {
    nats: natsPart(config, home, nats),
    postgres: postgresPart(config, home, postgres),
    unity: unityPart(config, simulator),
    services: configuredServices(config, { cv: services?.place, asr: services?.place }),
    embedded: { nats, postgres, simulator, services },
    stop,
  };
}

const REPAIRS = {
  resume: 'its replay is resumed',
  restart: 'it is restarted',
  reseed: 'it is seeded again from the primary',
} as const;
const NATS_ROLES = Object.keys(NATS_PERMISSIONS) as NatsRole[];
const DATABASE_ROLES = [
  'spark_projector',
  'spark_ingest',
  'spark_dashboard_ro',
] as const satisfies readonly DatabaseRole[];
const natsUser = (role: NatsRole): string => `spark-${role}`;

async function startNats({
  config,
  home,
  httpPort,
  progress,
  warn,
  changed,
}: PartsOptions): Promise<NatsServer | undefined> {
  if (config.NATS_URL) return undefined;
  const binary = await findNatsBinary({
    ...(config.SPARK_NATS_SERVER ? { explicitPath: config.SPARK_NATS_SERVER } : {}),
    cacheDir: config.SPARK_CACHE ?? join(homedir(), '.cache', 'spark'),
    env: processEnvironment(),
    onProgress: progress,
  });
  return startNatsServer({
    binary,
    dir: home.stateDir('nats'),
    runDir: home.runDir,
    state: home.state,
    users: NATS_ROLES.map((role) => ({
      user: natsUser(role),
      password: home.state.secret(`nats:${role}`),
      permissions: {
        publish: { allow: NATS_PERMISSIONS[role].publish },
        subscribe: { allow: NATS_PERMISSIONS[role].subscribe },
      },
    })),
    syncInterval: config.SPARK_NATS_SYNC,
    websocketOrigins: [`http://127.0.0.1:${httpPort}`, `http://localhost:${httpPort}`],
    onExit: (exit) => warn(`nats-server ended (${exit.signal ?? exit.code}); it is being restarted`),
    onRestart: changed,
  });
}

function natsPart(config: Config, home: Home, nats: NatsServer | undefined): Parts['nats'] {
  if (nats)
    return {
      url: nats.url,
      wsUrl: nats.wsUrl,
      credentials: (role) => ({ user: natsUser(role), password: home.state.secret(`nats:${role}`) }),
    };
  return configuredNats(config);
}

async function startPostgres({
  config,
  home,
  progress,
  warn,
  changed,
  metrics,
}: PartsOptions): Promise<PostgresPair | undefined> {
  if (config.DATABASE_URL) return undefined;
  return startPostgresPair({
    home,
    onProgress: progress,
    onExit: (exit) => warn(`${exit.name} ended (${exit.signal ?? exit.code}); it is being restarted`),
    onRestart: changed,
    onReseeded: () => changed(),
    onRepair: ({ action, reason }) => {
      metrics?.inc('spark_replica_repairs_total', { action, reason });
      warn(`the standby is unwell (${reason}): ${REPAIRS[action]}; reads go to the primary meanwhile`);
    },
    onRepairFailed: (error, { action }) => {
      metrics?.inc('spark_replica_repair_failures_total', {});
      warn(`${REPAIRS[action]} has failed; it is tried again, later each time`, error);
    },
  });
}

function postgresPart(config: Config, home: Home, pair: PostgresPair | undefined): Parts['postgres'] {
  const passwords = Object.fromEntries(
    DATABASE_ROLES.map((role) => [role, home.state.secret(`postgres:${role}`)]),
  ) as Record<DatabaseRole, string>;
  if (config.SPARK_DASHBOARD_PASSWORD !== undefined)
    passwords.spark_dashboard_ro = config.SPARK_DASHBOARD_PASSWORD;
  const as = (url: string, role: DatabaseRole): string => {
    const parsed = new URL(url);
    parsed.username = role;
    parsed.password = passwords[role];
    return parsed.href;
  };
  if (pair)
    return {
      adminUrl: pair.primary.url,
      urlOf: (role, server) => as(pair[server].url, role),
      hasReplica: true,
      passwords,
    };
  const primary = config.DATABASE_URL ?? '';
  const replica = config.DATABASE_REPLICA_URL;
  return {
    adminUrl: primary,
    // Your own user does the work; only what is handed out to dashboards is the read-only role.
    urlOf: (role, server) => {
      const url = server === 'replica' ? (replica ?? primary) : primary;
      return role === 'spark_dashboard_ro' ? as(url, role) : url;
    },
    hasReplica: replica !== undefined,
    passwords: { spark_dashboard_ro: passwords.spark_dashboard_ro },
  };
}

async function startSimulator({
  config,
  home,
  changed,
}: PartsOptions): Promise<SimulatorProcess | undefined> {
  return config.UNITY_MCP_URL ? undefined : startSimulatorProcess({ home, onRestart: changed });
}

function unityPart(config: Config, simulator: SimulatorProcess | undefined): Parts['unity'] {
  return {
    mcpUrl: simulator?.mcpUrl ?? config.UNITY_MCP_URL ?? '',
    token: config.UNITY_MCP_TOKEN,
    editors: config.UNITY_EDITORS ? parseUnityEditors(config.UNITY_EDITORS) : [],
    resolve: simulator?.resolve,
  };
}

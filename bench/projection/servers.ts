import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { openHome } from '../../src/embedded/home.js';
import { findNatsBinary } from '../../src/embedded/natsBinary.js';
import { startNatsServer } from '../../src/embedded/natsServer.js';
import { startPostgresPair } from '../../src/embedded/postgresPair.js';
import { externalRootOf, removeExternalRoot } from '../../src/embedded/postgresRoot.js';
import { migrate } from '../../src/postgres/migrate.js';
import { createPool } from '../../src/postgres/pools.js';
import { LOGIN_ROLES, type LoginRole, setRolePasswords } from '../../src/postgres/roles.js';
import { connectRole, type NatsConnection } from '../../src/streams/connection.js';
import { NATS_PERMISSIONS, type NatsRole } from '../../src/streams/permissions.js';
import { provision } from '../../src/streams/provision.js';

const PASSWORD = 'for-benchmarks-only';
/** Compiled into dist/bench/bench/projection. */
const MIGRATIONS = fileURLToPath(new URL('../../../../migrations', import.meta.url));
const MIB = 1_024 * 1_024;
const TOPOLOGY = {
  partitions: 8,
  replicas: 1,
  commandsMaxBytes: 64 * MIB,
  duplicateWindowMs: 120_000,
  deadLetterMaxAgeMs: 60 * 86_400_000,
  telemetryPerSubject: 1_000,
  uploadsMaxBytes: 64 * MIB,
  uploadTtlMs: 7 * 86_400_000,
  cancelTtlMs: 7 * 86_400_000,
  maxAckPending: 2_048,
};

/** A primary with its standby, migrated and empty, as `npm start` runs them. */
export interface BenchPostgres {
  readonly adminUrl: string;
  readonly adminReplicaUrl: string;
  urlOf(role: LoginRole, server: 'primary' | 'replica'): string;
  /** Their postmasters: a tree of processes each. */
  pids(): { readonly primary: number; readonly standby: number };
  stop(): Promise<void>;
}

export async function startBenchPostgres(): Promise<BenchPostgres> {
  const home = await freshHome('pg');
  const pair = await startPostgresPair({ home });
  const adminUrl = pair.primary.url;
  await migrate({ adminUrl, dir: MIGRATIONS });
  const admin = createPool({ url: adminUrl, applicationName: 'bench-setup' });
  await setRolePasswords(admin, Object.fromEntries(LOGIN_ROLES.map((role) => [role, PASSWORD])));
  await admin.end();
  return {
    adminUrl,
    adminReplicaUrl: pair.replica.url,
    urlOf: (role, server) => {
      const url = new URL(server === 'primary' ? adminUrl : pair.replica.url);
      url.username = role;
      url.password = PASSWORD;
      return url.href;
    },
    pids: () => ({ primary: pair.primary.pid ?? 0, standby: pair.replica.pid ?? 0 }),
    stop: async () => {
      await pair.stop();
      const outside = externalRootOf(home.dir, join(home.dir, 'state.json'));
      home.release();
      if (outside !== undefined) removeExternalRoot(outside);
      await rm(home.dir, { recursive: true, force: true });
    },
  };
}

/** A nats-server with SPARK's streams in it, as `npm start` runs it: fsync before every acknowledgement. */
export interface BenchNats {
  readonly url: string;
  readonly fsync: string;
  connect(role: NatsRole): Promise<NatsConnection>;
  pid(): number;
  stop(): Promise<void>;
}

export async function startBenchNats(): Promise<BenchNats> {
  const home = await freshHome('nats');
  const { env } = process;
  const binary = await findNatsBinary({
    explicitPath: env['SPARK_NATS_SERVER'],
    cacheDir: env['SPARK_CACHE'] ?? join(homedir(), '.cache', 'spark'),
    env,
    onProgress: (message) => console.error(message),
  });
  const server = await startNatsServer({
    binary,
    dir: join(home.dir, 'nats'),
    runDir: home.runDir,
    state: home.state,
    users: (Object.keys(NATS_PERMISSIONS) as NatsRole[]).map((role) => ({
      user: role,
      password: PASSWORD,
      permissions: {
        publish: { allow: NATS_PERMISSIONS[role].publish },
        subscribe: { allow: NATS_PERMISSIONS[role].subscribe },
      },
    })),
  });
  const connect = (role: NatsRole) => connectRole(role, server.url, natsCredentials(role));
  const admin = await connect('admin');
  await provision(admin, TOPOLOGY);
  await admin.close();
  return {
    url: server.url,
    fsync: server.profile,
    connect,
    pid: () => server.pid ?? 0,
    stop: async () => {
      await server.stop();
      home.release();
      await rm(home.dir, { recursive: true, force: true });
    },
  };
}

export const natsCredentials = (role: NatsRole) => ({ user: role, password: PASSWORD });

async function freshHome(name: string) {
  return openHome({ dir: await mkdtemp(join(tmpdir(), `spark-bench-${name}-`)), fresh: false });
}

/** Settings that both servers take at once; null: what it was. */
export async function setOnBoth(
  postgres: BenchPostgres,
  settings: Readonly<Record<string, string | null>>,
): Promise<void> {
  for (const url of [postgres.adminUrl, postgres.adminReplicaUrl]) {
    const client = new pg.Client(url);
    await client.connect();
    for (const [name, value] of Object.entries(settings))
      await client.query(`ALTER SYSTEM ${value === null ? `RESET ${name}` : `SET ${name} = '${value}'`}`);
    await client.query('SELECT pg_reload_conf()');
    await client.end();
  }
}

const REPLAY_POLL_MS = 5;
const REPLAY_LIMIT_MS = 120_000;

/** Resolves when the standby has replayed everything that is committed on the primary now. */
export async function standbyLevel(postgres: BenchPostgres): Promise<void> {
  const primary = new pg.Client(postgres.adminUrl);
  const standby = new pg.Client(postgres.adminReplicaUrl);
  await Promise.all([primary.connect(), standby.connect()]);
  try {
    // A commit that is flushed flushes what was committed asynchronously before it.
    const { rows } = await primary.query<{ lsn: string }>(
      "SELECT pg_logical_emit_message(true, 'bench', '') AS lsn",
    );
    const limit = performance.now() + REPLAY_LIMIT_MS;
    for (;;) {
      const seen = await standby.query<{ level: boolean }>('SELECT pg_last_wal_replay_lsn() >= $1 AS level', [
        rows[0]?.lsn,
      ]);
      if (seen.rows[0]?.level === true) return;
      if (performance.now() > limit) throw new Error('the standby does not catch up with its primary');
      await new Promise((resolve) => setTimeout(resolve, REPLAY_POLL_MS));
    }
  } finally {
    await Promise.all([primary.end(), standby.end()]);
  }
}

import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openHome } from '../../src/embedded/home.js';
import { findNatsBinary } from '../../src/embedded/natsBinary.js';
import { startNatsServer } from '../../src/embedded/natsServer.js';
import { migrate } from '../../src/postgres/migrate.js';
import { createPool } from '../../src/postgres/pools.js';
import { LOGIN_ROLES, setRolePasswords } from '../../src/postgres/roles.js';
import { dockerReachable, startContainers } from './containers.js';
import { chooseInfra } from './infraChoice.js';
import { MIGRATIONS_DIR, runSql, startTestCluster, type TestCluster } from './postgresCluster.js';

/** The run's nats-server, as tests get it (`inject('nats')`): a user that may do everything; none on a server without users. */
export interface TestNats {
  readonly url: string;
  readonly user: string | null;
  readonly password: string | null;
}

declare module 'vitest' {
  export interface ProvidedContext {
    nats: TestNats;
  }
}

interface Servers {
  readonly postgres: TestCluster;
  readonly nats: TestNats;
  stop(): Promise<void>;
}

const TEMPLATE = 'spark_template';
const PASSWORD = 'for-tests-only';

/** Vitest loads this file once for each project that names it, and they run in one process: the first starts the servers, the last stops them. */
const run = globalThis as { sparkTestServers?: { readonly started: Promise<Servers>; users: number } };

/** One Postgres cluster and one nats-server for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  run.sparkTestServers ??= { started: startServers(), users: 0 };
  const shared = run.sparkTestServers;
  shared.users += 1;
  const servers = await shared.started;
  project.provide('postgres', servers.postgres);
  project.provide('nats', servers.nats);
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    delete run.sparkTestServers;
    await servers.stop();
  };
}

/** Prints which they are and why. */
async function startServers(): Promise<Servers> {
  const { env } = process;
  const urls = { primary: env['DATABASE_URL'], replica: env['DATABASE_REPLICA_URL'], nats: env['NATS_URL'] };
  const { infra, why } = await chooseInfra(env['SPARK_TEST_INFRA'], urls, dockerReachable);
  console.log(`integration tests use ${infra} servers: ${why}`);
  return { embedded: startEmbedded, containers: startInContainers, external: useExternal }[infra]();
}

async function startEmbedded(): Promise<Servers> {
  const [cluster, nats] = await Promise.all([startTestCluster(), startEmbeddedNats()]);
  return {
    postgres: cluster.cluster,
    nats: nats.nats,
    stop: async () => {
      await Promise.all([cluster.stop(), nats.stop()]);
    },
  };
}

async function startEmbeddedNats(): Promise<{ nats: TestNats; stop: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'spark-test-nats-'));
  const home = await openHome({ dir, fresh: false });
  const everything = { publish: { allow: ['>'] }, subscribe: { allow: ['>'] } };
  const binary = await findNatsBinary({
    explicitPath: process.env['SPARK_NATS_SERVER'],
    cacheDir: process.env['SPARK_CACHE'] ?? join(homedir(), '.cache', 'spark'),
    env: process.env,
    onProgress: (message) => console.log(message),
  });
  const server = await startNatsServer({
    binary,
    dir: join(dir, 'nats'),
    runDir: home.runDir,
    state: home.state,
    users: [{ user: 'admin', password: PASSWORD, permissions: everything }],
  });
  return {
    nats: { url: server.url, user: 'admin', password: PASSWORD },
    stop: async () => {
      await server.stop();
      home.release();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function startInContainers(): Promise<Servers> {
  const containers = await startContainers();
  return {
    postgres: await prepareCluster(containers.primaryUrl, containers.replicaUrl),
    nats: { url: containers.natsUrl, user: null, password: null },
    stop: containers.stop,
  };
}

async function useExternal(): Promise<Servers> {
  const { env } = process;
  const primary = onDatabase(env['DATABASE_URL'] ?? '', 'postgres');
  const replica = onDatabase(env['DATABASE_REPLICA_URL'] ?? '', 'postgres');
  return {
    postgres: await prepareCluster(primary, replica),
    nats: {
      url: env['NATS_URL'] ?? '',
      user: env['NATS_USER'] ?? null,
      password: env['NATS_PASSWORD'] ?? null,
    },
    stop: async () => {
      await runSql(primary, `DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`);
    },
  };
}

/** A migrated template and passwords for the roles, on a cluster that was not made by `startTestCluster`. */
async function prepareCluster(primaryUrl: string, replicaUrl: string): Promise<TestCluster> {
  await runSql(primaryUrl, `DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`);
  await runSql(primaryUrl, `CREATE DATABASE ${TEMPLATE}`);
  await migrate({ adminUrl: onDatabase(primaryUrl, TEMPLATE), dir: MIGRATIONS_DIR });
  const admin = createPool({ url: primaryUrl, applicationName: 'test-setup' });
  await setRolePasswords(admin, Object.fromEntries(LOGIN_ROLES.map((role) => [role, PASSWORD])));
  await admin.end();
  return { primaryUrl, replicaUrl, template: TEMPLATE, rolePassword: PASSWORD };
}

function onDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

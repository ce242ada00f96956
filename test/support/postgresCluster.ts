import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { openHome } from '../../src/embedded/home.js';
import { type PostgresPair, startPostgresPair } from '../../src/embedded/postgresPair.js';
import { externalRootOf, removeExternalRoot } from '../../src/embedded/postgresRoot.js';
import { migrate } from '../../src/postgres/migrate.js';
import { createPool } from '../../src/postgres/pools.js';
import { LOGIN_ROLES, setRolePasswords } from '../../src/postgres/roles.js';

/** The run's Postgres, primary and standby, as tests get it from vitest (`inject('postgres')`). */
export interface TestCluster {
  /** Superuser, on the maintenance database. */
  readonly primaryUrl: string;
  readonly replicaUrl: string;
  /** A migrated database to copy. */
  readonly template: string;
  /** One for all login roles. */
  readonly rolePassword: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: TestCluster;
  }
}

const TEMPLATE = 'spark_template';
const ROLE_PASSWORD = 'for-tests-only';
export const MIGRATIONS_DIR = fileURLToPath(new URL('../../migrations', import.meta.url));

/** Starts one cluster; the returned function stops it and removes everything. */
export async function startTestCluster(): Promise<{
  cluster: TestCluster;
  pair: PostgresPair;
  stop: () => Promise<void>;
}> {
  const dir = await mkdtemp(join(tmpdir(), 'spark-test-pg-'));
  const home = await openHome({ dir, fresh: false });
  // Tests pause the replay knowingly.
  const pair = await startPostgresPair({ home, standbyPatienceMs: { replay_paused: 600_000 } });
  const onDatabase = (url: string, database: string): string => {
    const changed = new URL(url);
    changed.pathname = `/${database}`;
    return changed.href;
  };
  const cluster = {
    primaryUrl: onDatabase(pair.primary.url, 'postgres'),
    replicaUrl: onDatabase(pair.replica.url, 'postgres'),
    template: TEMPLATE,
    rolePassword: ROLE_PASSWORD,
  };
  await runSql(cluster.primaryUrl, `CREATE DATABASE ${TEMPLATE}`);
  await migrate({ adminUrl: onDatabase(cluster.primaryUrl, TEMPLATE), dir: MIGRATIONS_DIR });
  const admin = createPool({ url: cluster.primaryUrl, applicationName: 'test-setup' });
  await setRolePasswords(admin, Object.fromEntries(LOGIN_ROLES.map((role) => [role, ROLE_PASSWORD])));
  await admin.end();
  return {
    cluster,
    pair,
    stop: async () => {
      await pair.stop();
      const outside = externalRootOf(home.dir, join(home.dir, 'state.json'));
      home.release();
      if (outside !== undefined) removeExternalRoot(outside);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** One statement as the superuser, on a connection of its own. */
export async function runSql(url: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

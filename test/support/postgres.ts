import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { inject } from 'vitest';
import { createPool } from '../../src/postgres/pools.js';
import type { LoginRole } from '../../src/postgres/roles.js';
import { runSql, type TestCluster } from './postgresCluster.js';

/** A database of one's own on the run's cluster, with pools by role. */
export interface TestDatabase {
  readonly name: string;
  readonly adminUrl: string;
  readonly admin: pg.Pool;
  urlFor(role: LoginRole, server?: 'primary' | 'replica'): string;
  pool(role: LoginRole, server?: 'primary' | 'replica'): pg.Pool;
  /** Ends the pools and drops the database. */
  drop(): Promise<void>;
}

/** A copy of the migrated template, or an empty database; on the run's cluster unless another is named. */
export async function createTestDatabase(
  options: { empty?: boolean; cluster?: TestCluster } = {},
): Promise<TestDatabase> {
  const cluster = options.cluster ?? inject('postgres');
  const name = `t_${randomBytes(6).toString('hex')}`;
  await runSql(
    cluster.primaryUrl,
    options.empty ? `CREATE DATABASE ${name}` : `CREATE DATABASE ${name} TEMPLATE ${cluster.template}`,
  );
  if (!options.empty) {
    // A copied database has its own rights, not its template's.
    await runSql(
      cluster.primaryUrl,
      `GRANT CONNECT, TEMPORARY ON DATABASE ${name} TO spark_projector; REVOKE TEMPORARY ON DATABASE ${name} FROM PUBLIC`,
    );
  }
  const adminUrl = withPath(cluster.primaryUrl, name);
  const pools: pg.Pool[] = [];
  const open = (url: string): pg.Pool => {
    const pool = createPool({ url, applicationName: 'test', maxConnections: 5 });
    pools.push(pool);
    return pool;
  };
  const urlFor: TestDatabase['urlFor'] = (role, server = 'primary') => {
    const url = new URL(withPath(server === 'primary' ? cluster.primaryUrl : cluster.replicaUrl, name));
    url.username = role;
    url.password = cluster.rolePassword;
    return url.href;
  };
  return {
    name,
    adminUrl,
    admin: open(adminUrl),
    urlFor,
    pool: (role, server) => open(urlFor(role, server)),
    drop: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
      await runSql(cluster.primaryUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

function withPath(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHome } from '../../src/embedded/home.js';
import { findNatsBinary } from '../../src/embedded/natsBinary.js';
import { type NatsCluster, startNatsCluster } from '../../src/embedded/natsCluster.js';
import type { NatsCredentials } from '../../src/streams/connection.js';
import { NATS_PERMISSIONS, type NatsRole } from '../../src/streams/permissions.js';

const PASSWORD = 'for-tests-only';
const ROLES = Object.keys(NATS_PERMISSIONS) as NatsRole[];

/** Three nats-servers of one test file, with one user a role as deploy/nats.conf has them. */
export interface TestCluster extends NatsCluster {
  credentials(role: NatsRole): NatsCredentials;
  /** What a SPARK on it is told. */
  readonly env: Record<string, string>;
}

export async function startTestCluster(): Promise<TestCluster> {
  const dir = await mkdtemp(join(tmpdir(), 'spark-nats-cluster-'));
  const home = await openHome({ dir, fresh: false });
  const binary = await findNatsBinary({
    explicitPath: process.env['SPARK_NATS_SERVER'],
    cacheDir: process.env['SPARK_CACHE'] ?? join(homedir(), '.cache', 'spark'),
    env: process.env,
    onProgress: (message) => console.log(message),
  });
  const cluster = await startNatsCluster({
    binary,
    dir: join(dir, 'nats'),
    runDir: home.runDir,
    state: home.state,
    users: ROLES.map((role) => ({
      user: role,
      password: PASSWORD,
      permissions: {
        publish: { allow: NATS_PERMISSIONS[role].publish },
        subscribe: { allow: NATS_PERMISSIONS[role].subscribe },
      },
    })),
  });
  const passwords = ROLES.map((role) => [`SPARK_NATS_${role.toUpperCase()}_PASSWORD`, PASSWORD]);
  return {
    ...cluster,
    credentials: (role) => ({ user: role, password: PASSWORD }),
    env: { NATS_URL: cluster.url, NATS_REPLICAS: '3', ...Object.fromEntries(passwords) },
    stop: async () => {
      await cluster.stop();
      home.release();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StartedNetwork, StartedTestContainer } from 'testcontainers';
import { ROOT } from './sourceText.js';

const PASSWORD = 'for-tests-only';
const START_TIMEOUT_MS = 120_000;

export interface ContainerServers {
  readonly primaryUrl: string;
  readonly replicaUrl: string;
  readonly natsUrl: string;
  stop(): Promise<void>;
}

/** Whether a container engine answers. The library is loaded only here: it is large. */
export async function dockerReachable(): Promise<boolean> {
  const { getContainerRuntimeClient } = await import('testcontainers');
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
}

/** Primary, streaming standby and NATS from the images and scripts of docker-compose.yml. */
export async function startContainers(): Promise<ContainerServers> {
  const { GenericContainer, Network, Wait } = await import('testcontainers');
  const network: StartedNetwork = await new Network().start();
  const started: StartedTestContainer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((container) => container.stop()));
    await network.stop();
  };
  try {
    const nats = new GenericContainer(imageOf('nats'))
      .withCommand(['-js', '-m', '8222'])
      .withExposedPorts(4222, 8222)
      .withWaitStrategy(Wait.forHttp('/healthz', 8222))
      .withStartupTimeout(START_TIMEOUT_MS)
      .start();
    const primary = await new GenericContainer(imageOf('postgres-primary'))
      .withNetwork(network)
      .withNetworkAliases('primary')
      .withEnvironment({
        POSTGRES_USER: 'spark_owner',
        POSTGRES_PASSWORD: PASSWORD,
        POSTGRES_DB: 'spark',
        SPARK_REPLICATION_PASSWORD: PASSWORD,
      })
      .withCopyFilesToContainer([script('replicator.sh', '/docker-entrypoint-initdb.d/10-replicator.sh')])
      .withCommand(['postgres', '-c', 'wal_keep_size=512MB', '-c', 'max_locks_per_transaction=256'])
      .withExposedPorts(5432)
      .withWaitStrategy(Wait.forLogMessage('database system is ready to accept connections', 2))
      .withStartupTimeout(START_TIMEOUT_MS)
      .start();
    started.push(primary);
    const replica = await new GenericContainer(imageOf('postgres-replica'))
      .withNetwork(network)
      .withEnvironment({ PRIMARY_HOST: 'primary', PGPASSWORD: PASSWORD })
      .withCopyFilesToContainer([script('standby.sh', '/spark/standby.sh')])
      .withEntrypoint(['/bin/sh', '/spark/standby.sh'])
      .withExposedPorts(5432)
      .withWaitStrategy(Wait.forLogMessage('started streaming WAL'))
      .withStartupTimeout(START_TIMEOUT_MS)
      .start();
    started.push(replica, await nats);
    const urlOf = (server: StartedTestContainer): string =>
      `postgres://spark_owner:${PASSWORD}@${server.getHost()}:${server.getMappedPort(5432)}/postgres`;
    const natsServer = await nats;
    return {
      primaryUrl: urlOf(primary),
      replicaUrl: urlOf(replica),
      natsUrl: `nats://${natsServer.getHost()}:${natsServer.getMappedPort(4222)}`,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function imageOf(service: string): string {
  const compose = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
  const image = new RegExp(`^ {2}${service}:\\n {4}image: (\\S+)`, 'm').exec(compose)?.[1];
  if (image === undefined) throw new Error(`docker-compose.yml names no image for ${service}`);
  return image;
}

function script(name: string, target: string): { source: string; target: string; mode: number } {
  return { source: join(ROOT, 'deploy/postgres', name), target, mode: 0o755 };
}

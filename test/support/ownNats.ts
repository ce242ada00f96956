import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHome } from '../../src/embedded/home.js';
import { findNatsBinary } from '../../src/embedded/natsBinary.js';
import { startNatsServer } from '../../src/embedded/natsServer.js';
import type { NatsCredentials } from '../../src/streams/connection.js';
import { NATS_PERMISSIONS, type NatsRole } from '../../src/streams/permissions.js';

const PASSWORD = 'for-tests-only';

/** A nats-server of one test file, with one user a role as the runtime has them; it may be killed and started again. */
export interface OwnNats {
  readonly url: string;
  readonly port: number;
  credentials(role: NatsRole): NatsCredentials;
  /** kill -9, and up again with the same store. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export async function startOwnNats(): Promise<OwnNats> {
  const dir = await mkdtemp(join(tmpdir(), 'spark-own-nats-'));
  const home = await openHome({ dir, fresh: false });
  const binary = await findNatsBinary({
    explicitPath: process.env['SPARK_NATS_SERVER'],
    cacheDir: process.env['SPARK_CACHE'] ?? join(homedir(), '.cache', 'spark'),
    env: process.env,
    onProgress: (message) => console.log(message),
  });
  let restarted: (() => void) | undefined;
  const server = await startNatsServer({
    binary,
    dir: join(dir, 'nats'),
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
    onRestart: () => restarted?.(),
  });
  return {
    url: server.url,
    port: Number(new URL(server.url).port),
    credentials: (role) => ({ user: role, password: PASSWORD }),
    kill: async () => {
      const { pid } = server;
      if (pid === undefined) throw new Error('the server does not run');
      const up = new Promise<void>((resolve) => {
        restarted = resolve;
      });
      process.kill(pid, 'SIGKILL');
      await up;
    },
    stop: async () => {
      await server.stop();
      home.release();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

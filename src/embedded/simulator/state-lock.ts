/**
 * One simulator per state folder: two would number the same effect log. The lock is a listening local socket, so the
 * system drops it with the process, however that dies; nothing stale is left to be mistaken for a living owner.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hasErrno, SimulatorError } from './errors.js';

const WAIT_MS = 3_000;
const RETRY_MS = 50;

export interface StateLock {
  release(): Promise<void>;
}

/** Takes the lock, waiting a little for an owner that is just going down; throws SimulatorError `state_in_use`. */
export async function lockState(stateDir: string): Promise<StateLock> {
  mkdirSync(stateDir, { recursive: true });
  const name = createHash('sha256').update(realpathSync(stateDir)).digest('hex').slice(0, 24);
  // Linux has sockets without a file; elsewhere a file in a short path (socket paths end at about 100 characters).
  const file = process.platform === 'linux' ? undefined : join(tmpdir(), `spark-sim-${name}.sock`);
  const address = file ?? `\0spark-sim-${name}`;
  for (const end = performance.now() + WAIT_MS; ; ) {
    const server = await tryListen(address);
    if (server !== undefined) return { release: () => close(server) };
    if (file !== undefined && !(await isAlive(address))) rmSync(file, { force: true });
    if (performance.now() > end) {
      throw new SimulatorError('state_in_use', `another simulator is running on ${stateDir}`);
    }
    await delay(RETRY_MS);
  }
}

function tryListen(address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) => (hasErrno(error, 'EADDRINUSE') ? resolve(undefined) : reject(error)));
    server.listen(address, () => {
      server.unref();
      resolve(server);
    });
  });
}

function isAlive(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

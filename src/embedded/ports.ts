import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { HomeState } from './stateFile.js';

/**
 * Below the range from which the system takes the client side of connections (32768 and up on Linux): a client that
 * keeps trying to reconnect to a port in that range can connect to itself and so take the port from its server.
 */
const LOWEST_PORT = 15_000;
const HIGHEST_PORT = 32_000;
const ATTEMPTS_LIMIT = 200;

/** The loopback port remembered under `key`; a free one, remembered, when there is none or it is taken. */
export async function rememberedPort(state: HomeState, key: string): Promise<number> {
  const known = state.get(key);
  if (typeof known === 'number' && Number.isInteger(known) && (await isFree(known))) return known;
  for (let attempt = 0; attempt < ATTEMPTS_LIMIT; attempt += 1) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    if (!(await isFree(port))) continue;
    state.set(key, port);
    return port;
  }
  throw new Error(`No free loopback port between ${LOWEST_PORT} and ${HIGHEST_PORT}.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1' }, () => probe.close(() => resolve(true)));
  });
}

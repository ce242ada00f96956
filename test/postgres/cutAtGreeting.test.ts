import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPool } from '../../src/postgres/pools.js';

/** One message of the Postgres protocol: a type, the length, the body. */
function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}

const AUTHENTICATION_OK = message('R', Buffer.alloc(4));
const READY = message('Z', Buffer.from('I'));
const TERMINATED = message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection\0\0'));

const sockets: Socket[] = [];
const server = createServer((socket) => {
  sockets.push(socket);
  socket.on('error', () => undefined);
  socket.once('data', () => socket.write(Buffer.concat([AUTHENTICATION_OK, READY, TERMINATED])));
});
const unheard: unknown[] = [];
const hear = (error: unknown): void => void unheard.push(error);

beforeEach(async () => {
  process.on('uncaughtException', hear);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  process.off('uncaughtException', hear);
  for (const socket of sockets) socket.destroy();
  server.close();
});

describe('a pool', () => {
  it('given a server that ends the connection in the packet that greets it, then no error goes unheard', async () => {
    const { port } = server.address() as AddressInfo;
    const pool = createPool({ url: `postgres://u:p@127.0.0.1:${port}/d`, applicationName: 'test' });
    const borrowed = pool.connect();
    await expect(borrowed.then((client) => client.query('SELECT 1'))).rejects.toThrow();
    expect(unheard).toEqual([]);
    (await borrowed).release(true);
    await pool.end();
  });
});

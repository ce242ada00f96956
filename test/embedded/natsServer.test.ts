import { statSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from 'nats';
import { describe, expect, it } from 'vitest';
import type { Home } from '../../src/embedded/home.js';
import { type NatsServer, type NatsServerOptions, startNatsServer } from '../../src/embedded/natsServer.js';
import { cleanUp, eventually, natsForTests, temporaryHome } from './support.js';

const ADMIN = user('admin', ['>'], ['>']);
const VIEWER = user('viewer', [], ['live.>', '_INBOX.>']);
const TIMEOUT_MS = 30_000;

describe('the embedded nats-server', () => {
  it(
    'given a stored message, when it stops and starts, then the message is there, on the same port',
    async () => {
      const home = await temporaryHome();
      const nats = await startNats(home);
      await store(nats, 'kept');
      await nats.stop();
      await nats.stop();
      expect(nats.pid).toBeUndefined();
      const again = await startNats(home);
      expect(again.url).toBe(nats.url);
      expect(await stored(again)).toBe(1);
      expect(statSync(join(home.dir, 'nats', 'nats.conf')).mode & 0o777).toBe(0o600);
    },
    TIMEOUT_MS,
  );

  it(
    'given kill -9, then it is back on the same port within two seconds with every acknowledged message',
    async () => {
      const restarts: number[] = [];
      const nats = await startNats(await temporaryHome(), { onRestart: (pid) => restarts.push(pid) });
      await store(nats, 'acknowledged');
      const killed = nats.pid ?? Number.NaN;
      process.kill(killed, 'SIGKILL');
      await eventually(() => restarts.length === 1);
      expect(nats.pid).toBe(restarts[0]);
      expect(nats.pid).not.toBe(killed);
      expect(await stored(nats)).toBe(1);
    },
    TIMEOUT_MS,
  );

  it(
    'given users with permissions, then each may do its own only, and a wrong password is refused',
    async () => {
      const nats = await startNats(await temporaryHome());
      await expect(dial(nats, { ...ADMIN, password: 'wrong' })).rejects.toThrow();
      const viewer = await dial(nats, VIEWER);
      const refused = nextError(viewer);
      viewer.publish('live.a', 'not allowed');
      expect(await refused).toMatch(/publish/i);
    },
    TIMEOUT_MS,
  );

  it(
    'given the websocket listener, then a client without Origin is let in and a foreign page is not',
    async () => {
      const nats = await startNats(await temporaryHome(), { websocketOrigins: ['http://127.0.0.1:8090'] });
      const http = nats.wsUrl.replace('ws:', 'http:');
      expect(await upgradeStatus(http, undefined)).toBe(101);
      expect(await upgradeStatus(http, 'http://127.0.0.1:8090')).toBe(101);
      expect(await upgradeStatus(http, 'http://evil.example')).toBe(403);
    },
    TIMEOUT_MS,
  );

  it(
    'given its port was taken by a stranger meanwhile, when it starts, then it chooses another',
    async () => {
      const home = await temporaryHome();
      const nats = await startNats(home);
      await nats.stop();
      const port = Number(new URL(nats.url).port);
      const stranger = createServer().listen(port, '127.0.0.1');
      cleanUp(() => {
        stranger.close();
      });
      const again = await startNats(home);
      expect(again.url).not.toBe(nats.url);
    },
    TIMEOUT_MS,
  );

  it(
    'given a server too old for strict fsync, then it runs in the 100 ms profile and says so',
    async () => {
      const home = await temporaryHome();
      const binary = { ...(await natsForTests()), version: '2.14.9' };
      const nats = await startNats(home, { binary });
      expect(nats.profile).toBe('100ms');
      await expect(startNats(home, { binary: { ...binary, version: '2.10.0' } })).rejects.toMatchObject({
        code: 'nats_too_old',
      });
    },
    TIMEOUT_MS,
  );
});

function user(name: string, publish: string[], subscribe: string[]) {
  return {
    user: name,
    password: `${name}-secret`,
    permissions: { publish: { allow: publish }, subscribe: { allow: subscribe } },
  };
}

async function startNats(home: Home, options: Partial<NatsServerOptions> = {}): Promise<NatsServer> {
  const nats = await startNatsServer({
    binary: await natsForTests(),
    dir: home.stateDir('nats'),
    runDir: home.runDir,
    state: home.state,
    users: [ADMIN, VIEWER],
    ...options,
  });
  cleanUp(() => nats.stop());
  return nats;
}

async function dial(nats: NatsServer, as: { user: string; password: string }): Promise<NatsConnection> {
  const connection = await connect({ servers: nats.url, user: as.user, pass: as.password, reconnect: false });
  cleanUp(() => connection.close());
  return connection;
}

async function store(nats: NatsServer, text: string): Promise<void> {
  const connection = await dial(nats, ADMIN);
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: 'KEPT', subjects: ['kept'] });
  await jetstream(connection).publish('kept', text);
  await connection.close();
}

async function stored(nats: NatsServer): Promise<number> {
  const manager = await jetstreamManager(await dial(nats, ADMIN));
  return (await manager.streams.info('KEPT')).state.messages;
}

async function nextError(connection: NatsConnection): Promise<string> {
  for await (const status of connection.status()) {
    if (status.type === 'error') return String(status.error);
  }
  return 'closed';
}

function upgradeStatus(url: string, origin: string | undefined): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      ...(origin === undefined ? {} : { origin }),
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    };
    const asked = request(url, { headers });
    asked.on('upgrade', (answer, socket) => {
      socket.destroy();
      resolve(answer.statusCode);
    });
    asked.on('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on('error', reject);
    asked.end();
  });
}

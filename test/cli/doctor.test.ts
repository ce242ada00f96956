import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { checkDisk, checkHome, checkNode } from '../../src/cli/doctor/local.js';
import { checkNats } from '../../src/cli/doctor/nats.js';
import { checkReplica } from '../../src/cli/doctor/postgres.js';
import { checkUnity } from '../../src/cli/doctor/unity.js';
import { type FakeSpark, type Handler, json, problem, startFakeSpark } from './fakeSpark.js';
import { spark } from './runSpark.js';

const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'spark-doctor-'));
  stops.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
};
const homeWith = (endpoints: Record<string, unknown>, mode = 0o600): string => {
  const home = folder();
  const file = join(home, 'endpoints.json');
  writeFileSync(file, JSON.stringify({ token: 'local', ...endpoints }));
  chmodSync(file, mode);
  return home;
};
const serve = async (handlers: Record<string, Handler>): Promise<FakeSpark> => {
  const server = await startFakeSpark(handlers);
  stops.push(() => server.stop());
  return server;
};
/** A TCP server that greets everybody with one line. */
const greet = async (line: string): Promise<string> => {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(line);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => new Promise((resolve) => server.close(() => resolve())));
  return `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
const info = (version: string, jetstream: boolean): string =>
  `INFO ${JSON.stringify({ version, jetstream })}\r\n`;

const healthy: Record<string, Handler> = {
  'GET /livez': (_, response) => json(response, 200, { status: 'ok' }),
  'GET /readyz': (_, response) =>
    json(response, 200, { status: 'ok', checks: [{ name: 'streams', ok: true, detail: 'canary stored' }] }),
  'GET /v1/commands': (_, response) => json(response, 200, { items: [] }),
  'GET /health': (_, response) => json(response, 200, { status: 'healthy' }),
  'GET /api/instances': (_, response) => json(response, 200, { instances: [{ name: 'Demo' }] }),
};
interface Report {
  ok: boolean;
  checks: { name: string; ok: boolean; detail: string; fix?: string }[];
}
const report = (text: string): Report => JSON.parse(text) as Report;

describe('spark doctor', () => {
  it('given all is well, exits 0 and lists each part', async () => {
    const { url } = await serve(healthy);
    const home = homeWith({
      http: url,
      nats: await greet(info('2.15.1', true)),
      unityMcp: `${url}/mcp`,
      pids: { main: process.pid },
    });
    const ran = await spark(['doctor', '--json'], { home });
    const { ok, checks } = report(ran.out);
    expect(checks.filter((check) => !check.ok)).toEqual([]);
    expect(ok).toBe(true);
    expect(ran.exitCode).toBe(0);
    expect(checks.map((check) => check.name)).toEqual([
      'node',
      'home',
      'disk',
      'endpoints',
      'http',
      'ready: streams',
      'token',
      'nats',
      'unity mcp',
    ]);
  });

  it('given parts are broken, exits 1 and gives each a cause and a fix', async () => {
    const { url } = await serve({
      ...healthy,
      'GET /readyz': (_, response) =>
        json(response, 503, {
          status: 'failing',
          checks: [{ name: 'replica', ok: false, detail: 'streams nothing' }],
        }),
      'GET /v1/commands': (_, response) => problem(response, 401, { code: 'unauthorized', detail: 'no' }),
    });
    const home = homeWith({
      http: url,
      nats: 'nats://127.0.0.1:1',
      postgres: 'postgres://u@127.0.0.1:1/spark',
      replica: 'postgres://u@127.0.0.1:1/spark',
      unityMcp: 'http://127.0.0.1:1/mcp',
    });
    const ran = await spark(['doctor', '--json'], { home });
    const bad = report(ran.out).checks.filter((check) => !check.ok);
    expect(ran.exitCode).toBe(1);
    expect(bad.map((check) => check.name)).toEqual([
      'ready: replica',
      'token',
      'nats',
      'postgres primary',
      'postgres replica',
      'unity mcp',
    ]);
    for (const check of bad) expect(check.fix).toMatch(/\w/);
  });

  it('given no SPARK runs in the home, says how to start one', async () => {
    const ran = await spark(['doctor'], { home: folder() });
    expect(ran.exitCode).toBe(1);
    expect(ran.out).toMatch(/FAIL {2}endpoints.*\n.*fix: .*npm start/);
  });

  it('given the process that wrote the endpoints is gone, or others can read its token, says so', async () => {
    const gone = await spark(['doctor', '--json'], {
      home: homeWith({ http: 'http://127.0.0.1:1', pids: { main: 2 ** 22 + 1 } }),
    });
    expect(report(gone.out).checks.find((check) => check.name === 'endpoints')?.detail).toContain('is gone');
    const open = await spark(['doctor', '--json'], { home: homeWith({ http: 'http://127.0.0.1:1' }, 0o644) });
    expect(report(open.out).checks.find((check) => check.name === 'endpoints')?.fix).toContain('chmod 600');
  });

  it('given a URL, asks that SPARK over HTTP only', async () => {
    const { url } = await serve(healthy);
    const ran = await spark(['doctor', '--json', '--url', url], {
      home: homeWith({ http: 'http://127.0.0.1:1' }),
    });
    expect(ran.exitCode).toBe(0);
    expect(report(ran.out).checks.map((check) => check.name)).toEqual([
      'node',
      'http',
      'ready: streams',
      'token',
    ]);
  });
});

describe('the checks', () => {
  it.each([
    ['20.19.0', true],
    ['22.1.0', true],
    ['20.18.9', false],
    ['18.20.0', false],
  ])('Node %s: %s', (version, ok) => {
    expect(checkNode(version).ok).toBe(ok);
  });

  it('a full disk is told with what to free', async () => {
    const finding = await checkDisk(folder(), Number.MAX_SAFE_INTEGER);
    expect(finding).toMatchObject({ ok: false, name: 'disk' });
    expect(finding.fix).toContain('Free at least');
  });

  it('a home that is a file is told', () => {
    const file = join(folder(), 'home');
    writeFileSync(file, '');
    expect(checkHome(file).ok).toBe(false);
  });

  it.each([
    [info('2.9.10', true), 'At least 2.14'],
    [info('2.15.1', false), 'nats-server -js'],
    ['SSH-2.0-x\r\n', 'NATS_URL'],
  ])('a NATS server that greets with %j is told with its fix', async (line, fix) => {
    const finding = await checkNats(await greet(line));
    expect(finding.ok).toBe(false);
    expect(finding.fix).toContain(fix);
  });

  it('of several NATS servers the one that is not well is told; all well are told once', async () => {
    const well = [await greet(info('2.15.1', true)), await greet(info('2.15.1', true))];
    expect(await checkNats(well.join(', '))).toMatchObject({
      ok: true,
      detail: 'nats-server 2.15.1, JetStream on',
    });
    const finding = await checkNats([...well, await greet(info('2.9.10', true))].join(','));
    expect(finding).toMatchObject({ ok: false, detail: 'nats-server 2.9.10' });
  });

  it('a Unity MCP server without an editor is told', async () => {
    const { url } = await serve({
      ...healthy,
      'GET /api/instances': (_, response) => json(response, 200, { instances: [] }),
    });
    const finding = await checkUnity(`${url}/mcp`, fetch);
    expect(finding.fix).toContain('Open the project in Unity');
  });

  it('a replica that cannot be reached is told with the setting that names it', async () => {
    expect((await checkReplica('postgres://u@127.0.0.1:1/spark')).fix).toContain('DATABASE_REPLICA_URL');
  });
});

import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthenticator, grantOf } from '../../src/http/auth.js';
import { createHostGuard, isLoopback } from '../../src/http/hostGuard.js';
import { type Harness, READ_TOKEN, script, startHarness, TOKEN } from '../support/httpHarness.js';

let spark: Harness;
beforeAll(async () => {
  spark = await startHarness({ allowedHosts: ['spark.example'] });
});
afterAll(async () => {
  await spark.server.stop();
});

describe('the bearer token', () => {
  it.each([
    ['POST', '/v1/commands'],
    ['GET', '/v1/commands'],
    ['GET', '/v1/sessions/s1/events'],
    ['POST', '/v1/sessions/s1/undo'],
    ['GET', '/v1/frames/x'],
    ['GET', '/v1/dead-letters'],
    ['GET', '/v1/nothing'],
    ['GET', '//livez'],
    ['GET', '/livez/'],
    ['GET', '/%6civez'],
  ])('given %s %s without one, then it is 401 and says how', async (method, path) => {
    const reply = await spark.call(method, path, { token: null });
    expect(reply.status).toBe(401);
    expect(reply.headers['www-authenticate']).toBe('Bearer realm="spark"');
    expect(reply.json).toMatchObject({ code: 'unauthorized', retryable: false });
  });

  it.each(['wrong', '', `${TOKEN}x`, TOKEN.slice(0, -1)])(
    'given the wrong token "%s", then it is 401',
    async (token) => {
      expect((await spark.call('GET', '/v1/commands', { token })).status).toBe(401);
    },
  );

  it.each(['Basic', 'Token'])('given the scheme %s, then it is 401', async (scheme) => {
    const headers = { authorization: `${scheme} ${TOKEN}` };
    expect((await spark.call('GET', '/v1/commands', { token: null, headers })).status).toBe(401);
  });

  it('given no token and a body, then nothing of it is looked at', async () => {
    const reply = await spark.call('POST', '/v1/commands', { raw: '{', token: null });
    expect(reply.status).toBe(401);
  });

  it.each(['/', '/livez', '/readyz', '/healthz', '/version', '/openapi.json', '/metrics'])(
    'given %s from loopback, then it is open',
    async (path) => {
      expect((await spark.call('GET', path, { token: null })).status).toBe(200);
    },
  );

  it('given /metrics through a proxy, then it needs the token', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.9' };
    expect((await spark.call('GET', '/metrics', { token: null, headers })).status).toBe(401);
    expect((await spark.call('GET', '/metrics', { headers })).status).toBe(200);
  });

  it('given the log, then no token is in it', async () => {
    await spark.call('GET', '/v1/commands', { token: 'secret-that-is-wrong' });
    expect(spark.logLines.join('')).not.toMatch(/secret-that-is-wrong|test-token/);
  });

  it('given several grants, then each token finds its own', () => {
    const authenticate = createAuthenticator([grantOf('a', 'one'), grantOf('b', 'two', ['read'])]);
    expect(authenticate('Bearer one')?.name).toBe('a');
    expect(authenticate('bearer  two ')?.name).toBe('b');
    expect([...(authenticate('Bearer two')?.scopes ?? [])]).toEqual(['read']);
    expect(authenticate('Bearer three')).toBeUndefined();
    expect(() => createAuthenticator([{ name: 'x', sha256: 'beef', scopes: [] }])).toThrow(RangeError);
  });
});

describe('scopes', () => {
  it('given a reader, then it may read and preview, and may not write or undo', async () => {
    const call = (method: string, path: string, body?: unknown) =>
      spark.call(method, path, { token: READ_TOKEN, ...(body === undefined ? {} : { body }) });
    expect((await call('GET', '/v1/commands')).status).toBe(200);
    const preview = { type: 'unity.render_preview', sessionId: 's1', payload: { width: 64, height: 64 } };
    expect((await call('POST', '/v1/commands', preview)).status).toBe(202);
    const refused = await call('POST', '/v1/commands', script());
    expect(refused.json).toMatchObject({ status: 403, code: 'forbidden' });
    expect(refused.json['detail']).toContain('script:write');
    const undo = { type: 'session.undo', sessionId: 's1', payload: {} };
    expect((await call('POST', '/v1/commands', undo)).status).toBe(403);
  });

  it('given a reader that calls a tool of its own choice, then it is 403 and names the scope exec', async () => {
    const payload = { tool: 'execute_menu_item', arguments: {} };
    const body = { type: 'unity.call_tool', sessionId: 's1', payload };
    const reply = await spark.call('POST', '/v1/commands', { body, token: READ_TOKEN });
    expect([reply.status, reply.json['code']]).toEqual([403, 'forbidden']);
    expect(reply.json['detail']).toContain('"exec"');
  });
});

describe('the Host header', () => {
  it.each(['localhost', 'localhost:1234', '127.0.0.1', '[::1]:9', 'spark.example', 'SPARK.example:80'])(
    'given %s, then it is served',
    async (host) => {
      expect((await spark.call('GET', '/livez', { headers: { host } })).status).toBe(200);
    },
  );

  it.each(['evil.example', '127.0.0.1.evil.example', 'localhost.evil:80', '203.0.113.7'])(
    'given %s, as a rebound name would be, then it is 403 even where no token is needed',
    async (host) => {
      const reply = await spark.call('GET', '/livez', { headers: { host } });
      expect([reply.status, reply.json['code']]).toEqual([403, 'host_not_allowed']);
    },
  );

  it('given an HTTP/1.0 request without one, then it is 403', async () => {
    const socket = connect(spark.server.address().port, '127.0.0.1');
    const first = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
    socket.write('GET /livez HTTP/1.0\r\n\r\n');
    expect(await first).toContain('403');
    socket.destroy();
  });

  it('given a public bind without names, then there is nothing to compare with', () => {
    expect(createHostGuard('0.0.0.0', [])('anything.example')).toBe(true);
    expect(createHostGuard('0.0.0.0', ['a.example'])('b.example')).toBe(false);
    expect(['127.0.0.1', '::1', '::ffff:127.0.0.1', '127.9.9.9', 'localhost'].every(isLoopback)).toBe(true);
    expect(['10.0.0.1', '0.0.0.0', '::', '127.0.0.1.evil', undefined].some(isLoopback)).toBe(false);
  });
});

import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { ReadinessCheck } from '../../src/http/ports.js';
import { createStatusServer, type StatusServer } from '../../src/http/statusServer.js';
import { createMetrics } from '../../src/observability/metrics.js';

let server: StatusServer;

async function start(over: { host?: string; token?: string; checks?: readonly ReadinessCheck[] } = {}) {
  server = createStatusServer({
    ...{ host: '127.0.0.1', port: 0, token: undefined, checks: [], version: '1.2.3', clock: systemClock },
    metrics: createMetrics(),
    ...over,
  });
  await Promise.all([server.start(), server.start()]);
}

afterEach(async () => {
  await Promise.all([server.stop(), server.stop()]);
});

/** `fetch` sets its own Host. */
function get(path: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    request({ port: server.address().port, host: '127.0.0.1', path, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on('error', reject)
      .end();
  });
}

describe('the status of a role that serves nothing else', () => {
  it('tells that it lives, what it is, and its metrics', async () => {
    await start();
    expect(await get('/livez')).toEqual({ status: 200, text: '{"status":"ok"}' });
    expect(JSON.parse((await get('/version?x=1')).text)).toMatchObject({ version: '1.2.3' });
    expect((await get('/metrics')).text).toContain('# TYPE spark_projector_state gauge');
    expect((await get('/v1/commands')).status).toBe(404);
  });

  it('given a check that fails, then it is not ready, and says which', async () => {
    let ok = true;
    await start({ checks: [{ name: 'projector', check: async () => ({ ok, detail: 'log waiting' }) }] });
    expect(await get('/readyz')).toMatchObject({ status: 200, text: expect.stringContaining('log waiting') });
    ok = false;
    await expect.poll(async () => (await get('/readyz')).status).toBe(503);
  });

  it('given a page of another site (its name as Host), then it is refused', async () => {
    await start();
    expect((await get('/metrics', { host: 'evil.example' })).status).toBe(403);
  });

  it('given a proxy on this machine that stands for somebody else, then metrics need the token', async () => {
    await start({ token: 'a-token-of-sixteen-chars' });
    const forwarded = { 'x-forwarded-for': '203.0.113.9' };
    expect((await get('/metrics', forwarded)).status).toBe(401);
    expect((await get('/metrics', { ...forwarded, authorization: 'Bearer wrong' })).status).toBe(401);
    const known = { ...forwarded, authorization: 'Bearer a-token-of-sixteen-chars' };
    expect((await get('/metrics', known)).status).toBe(200);
  });

  it('given no token is configured, then nobody has one', async () => {
    await start({ token: '' });
    const headers = { 'x-forwarded-for': '203.0.113.9', authorization: 'Bearer ' };
    expect((await get('/metrics', headers)).status).toBe(401);
  });
});

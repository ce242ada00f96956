import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { type Harness, script, startHarness, TOKEN } from '../support/httpHarness.js';
import { openEvents } from '../support/sseReader.js';

let spark: Harness | undefined;
const start = async (change: Parameters<typeof startHarness>[0] = {}) => {
  spark = await startHarness(change);
  return spark;
};
afterEach(async () => {
  await spark?.server.stop();
});

describe('health', () => {
  it('given checks that pass, then readyz is 200 and names each', async () => {
    const { call } = await start({
      checks: [{ name: 'nats', check: async () => ({ ok: true, detail: 'canary in 1 ms' }) }],
    });
    const reply = await call('GET', '/readyz');
    expect(reply.status).toBe(200);
    expect(reply.json).toEqual({
      status: 'ok',
      checks: [{ name: 'nats', ok: true, detail: 'canary in 1 ms' }],
    });
    expect(reply.headers['cache-control']).toBe('no-store');
  });

  it('given a check that fails, one that throws and one that hangs, then readyz is 503 and says which', async () => {
    // The hanging check is over when the clock says so: this one says so at once.
    const clock = { ...systemClock, sleep: async () => {} };
    const { call } = await start({
      clock,
      checks: [
        { name: 'a', check: async () => ({ ok: false, detail: 'no' }) },
        { name: 'b', check: () => Promise.reject(new Error('postgres://spark:hunter2@127.0.0.1/x is away')) },
        { name: 'c', check: () => new Promise(() => {}) },
      ],
    });
    const reply = await call('GET', '/readyz');
    expect(reply.status).toBe(503);
    expect(reply.json['status']).toBe('failing');
    expect((reply.json['checks'] as { ok: boolean }[]).map(({ ok }) => ok)).toEqual([false, false, false]);
    expect(reply.text).toContain('no answer within');
    expect(reply.text).not.toContain('hunter2');
    expect((await call('GET', '/healthz')).json).toMatchObject({ status: 'degraded', version: '0.0.0-test' });
    expect((await call('GET', '/healthz')).status).toBe(200);
    expect((await call('GET', '/livez')).status).toBe(200);
  });

  it('given many who ask at once, then the checks run once', async () => {
    let runs = 0;
    const { call } = await start({
      checks: [{ name: 'counted', check: async () => ({ ok: ++runs > 0, detail: '' }) }],
    });
    await Promise.all(Array.from({ length: 10 }, () => call('GET', '/readyz')));
    expect(runs).toBe(1);
  });

  it('given /version and /, then they say what this is and where things are', async () => {
    const { call } = await start();
    expect((await call('GET', '/version')).json).toMatchObject({
      name: 'spark',
      version: '0.0.0-test',
      idempotencyKeys: { termSeconds: 604_800, maxKeys: 500_000 },
    });
    expect((await call('GET', '/')).json).toMatchObject({ places: { commands: 'POST /v1/commands' } });
    const page = await call('GET', '/', { headers: { accept: 'text/html' } });
    expect(page.headers['content-type']).toContain('text/html');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
  });
});

describe('metrics', () => {
  it('given requests, then they are counted and timed by route, never by path', async () => {
    const { call } = await start();
    await call('POST', '/v1/commands', { body: script() });
    await call('POST', '/v1/commands', { body: {} });
    await call('GET', '/v1/commands/00000000-0000-4000-8000-000000000000');
    await call('GET', '/v1/made/up', { token: null });
    const { text } = await call('GET', '/metrics');
    expect(text).toContain('spark_http_requests_total{method="POST",route="/v1/commands",status="202"} 1');
    expect(text).toContain('spark_http_requests_total{method="POST",route="/v1/commands",status="422"} 1');
    expect(text).toContain('spark_http_requests_total{method="GET",route="/v1/commands/:id",status="404"} 1');
    expect(text).toContain('spark_http_requests_total{method="GET",route="unmatched",status="401"} 1');
    expect(text).toContain('spark_commands_submitted_total{result="accepted"} 1');
    expect(text).toContain('spark_commands_submitted_total{result="invalid"} 1');
    expect(text).toContain('spark_http_requests_in_flight 1');
    expect(text).toMatch(
      /spark_http_request_duration_seconds_count\{method="POST",route="\/v1\/commands"\} 2/,
    );
  });
});

describe('something broken inside', () => {
  it('given a submitter that throws against its word, then it is 500 without the reason, which is in the log', async () => {
    const { call, submitter, logLines } = await start();
    submitter.submit = () => Promise.reject(new Error('secret reason'));
    const reply = await call('POST', '/v1/commands', { body: script() });
    expect([reply.status, reply.json['code']]).toEqual([500, 'internal']);
    expect(reply.text).not.toContain('secret reason');
    expect(logLines.join('')).toContain('secret reason');
  });
});

describe('what is no HTTP', () => {
  it.each([
    ['garbage', 'nonsense\r\n\r\n', 400],
    [
      'headers without an end',
      `GET /livez HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
      431,
    ],
    [
      'a length that is none',
      'POST /v1/commands HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n',
      400,
    ],
  ])('given %s, then a problem is answered and the connection ends', async (_name, bytes, status) => {
    const { server } = await start();
    const socket = connect(server.address().port, '127.0.0.1');
    const received: Buffer[] = [];
    const ended = new Promise<void>((resolve) =>
      socket.on('data', (data) => received.push(data)).on('end', resolve),
    );
    socket.write(bytes);
    await ended;
    const text = Buffer.concat(received).toString();
    expect(text).toContain(`HTTP/1.1 ${status} `);
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toMatchObject({ status, code: 'bad_request' });
  });
});

describe('stop', () => {
  it('given requests in flight, then they finish, waits end early, streams end, and new work is refused', async () => {
    const { server, submitter, call, feed } = await start();
    const { port } = server.address();
    const stream = await openEvents(server, '/v1/sessions/s1/events');
    let finish = () => {};
    const stored = new Promise<void>((resolve) => {
      const original = submitter.submit.bind(submitter);
      submitter.submit = async (requests) => {
        if (requests[0]?.sessionId !== 'slow') return await original(requests);
        await new Promise<void>((release) => {
          finish = release;
          resolve();
        });
        return await original(requests);
      };
    });
    const waits = new Promise<void>((resolve) => {
      feed.onWait = () => resolve();
    });
    const slow = call('POST', '/v1/commands', { body: script({ sessionId: 'slow' }) });
    const waiting = call('POST', '/v1/commands', { body: script(), headers: { prefer: 'wait=60' } });
    await Promise.all([stored, waits]);

    const stopping = server.stop();
    expect((await waiting).status).toBe(202);
    await stream.untilEnd();
    finish();
    expect((await slow).status).toBe(202);
    await Promise.all([stopping, server.stop()]);
    await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('given a drain delay, then readyz says 503 and new commands are refused before the port closes', async () => {
    let over = () => {};
    const clock = {
      ...systemClock,
      sleep: (ms: number, signal?: AbortSignal) =>
        ms === 12_345
          ? new Promise<void>((resolve) => {
              over = resolve;
            })
          : systemClock.sleep(ms, signal),
    };
    const { server, call } = await start({ clock, drainDelayMs: 12_345 });
    const stopping = server.stop();
    await new Promise((resolve) => setImmediate(resolve));
    const ready = await call('GET', '/readyz');
    expect([ready.status, ready.json['status'], ready.headers['connection']]).toEqual([
      503,
      'draining',
      'close',
    ]);
    const refused = await call('POST', '/v1/commands', { body: script() });
    expect([refused.status, refused.json['code'], refused.headers['retry-after']]).toEqual([
      503,
      'draining',
      '1',
    ]);
    over();
    await stopping;
  });

  it('given a request that never ends, then it is cut after the drain time', async () => {
    const { server, submitter, call } = await start({ drainMs: 50 });
    const stuck = new Promise<void>((resolve) => {
      submitter.submit = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    const reply = call('POST', '/v1/commands', { body: script() }).catch((error: Error) => error);
    await stuck;
    await server.stop();
    expect(await reply).toBeInstanceOf(Error);
  });

  it('given start and stop several times, side by side, then it serves when it runs', async () => {
    const { server } = await start();
    await Promise.all([server.start(), server.start()]);
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    await server.start();
    expect(await ask(server.address().port)).toBe(200);
  });

  it('given a port that is taken, then start fails and says why', async () => {
    const { server } = await start();
    await expect(startHarness({ port: server.address().port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

function ask(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    request({ host: '127.0.0.1', port, path: '/livez', agent: false, headers }, (res) => {
      res.resume();
      resolve(res.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

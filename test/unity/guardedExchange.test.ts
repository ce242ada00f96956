import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CircuitBreaker } from '../../src/resilience/circuitBreaker.js';
import { guardedExchange } from '../../src/unity/guardedExchange.js';
import { AutoClock } from '../support/autoClock.js';

const LIMITS = { consecutiveFailures: 3, failureRatio: 0.9, windowCalls: 100, openMs: 500 };

describe('the circuit in front of a Unity MCP server', () => {
  let server: Server;
  let pool: Pool;
  let port = 0;
  let requests = 0;
  let answer: { status: number; body: string } | 'hang' | 'reset' = { status: 200, body: '{"success":true}' };
  const clock = new AutoClock();
  let circuit: CircuitBreaker;

  const listen = () => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });

  beforeEach(async () => {
    requests = 0;
    port = 0;
    server = createServer((request, response) => {
      requests++;
      if (answer === 'reset') request.socket.destroy();
      else if (answer !== 'hang') response.writeHead(answer.status).end(answer.body);
    });
    await listen();
    port = (server.address() as AddressInfo).port;
    pool = new Pool(`http://127.0.0.1:${port}`);
    circuit = new CircuitBreaker({ endpoint: 'unity', clock, limits: LIMITS });
  });
  afterEach(async () => {
    await pool.destroy();
    await stop();
  });

  const send = (method: 'GET' | 'POST', timeoutMs = 2_000, signal = new AbortController().signal) =>
    guardedExchange(
      circuit,
      pool,
      {
        method,
        path: '/',
        headers: [],
        body: method === 'GET' ? null : '{}',
        timeoutMs,
        maxAnswerBytes: 1_000,
        signal,
      },
      () => performance.now(),
    );
  const sendThrice = async (method: 'GET' | 'POST', timeoutMs?: number) => {
    for (let at = 0; at < 3; at++) await send(method, timeoutMs);
    return circuit.state;
  };

  it('given a server that is gone, it opens, says "not sent" without trying, and closes within half a second of its return', async () => {
    await stop();
    expect(await sendThrice('POST')).toBe('open');
    expect(await send('POST')).toEqual({
      kind: 'failed',
      sent: false,
      reason: 'the circuit of unity is open',
    });
    answer = { status: 200, body: '{"success":true}' };
    await listen();
    expect(circuit.waitMs).toBe(500);
    clock.advance(500);
    expect(await send('GET')).toMatchObject({ kind: 'answered', status: 200 });
    expect([circuit.state, requests]).toEqual(['closed', 1]);
  });

  it("given a proxy's 502, it opens", async () => {
    answer = { status: 502, body: '<html>Bad Gateway</html>' };
    expect(await sendThrice('POST')).toBe('open');
  });

  it('given a list of editors that does not come, it opens', async () => {
    answer = 'hang';
    expect(await sendThrice('GET', 50)).toBe('open');
  });

  it.each([
    [
      "the server's own word that an editor reloads",
      { status: 503, body: '{"success":false,"error":"Unity session not available"}' },
    ],
    ['a refusal', { status: 404, body: 'no such route' }],
    ['a call that breaks off, as in a domain reload', 'reset'],
    ['a call that takes long, as a compile does', 'hang'],
  ] as const)('given %s, it stays closed', async (_what, told) => {
    answer = told;
    expect(await sendThrice('POST', 50)).toBe('closed');
  });

  it('given callers who give up, it stays closed', async () => {
    await stop();
    const gone = AbortSignal.abort();
    for (let at = 0; at < 5; at++) await send('GET', 50, gone);
    expect(circuit.state).toBe('closed');
  });
});

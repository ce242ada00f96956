import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { createMediaServices } from '../../src/services/mediaServices.js';
import { type ServiceCallReport, ServiceClient } from '../../src/services/serviceClient.js';

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

const TOKEN = 'a-token-nobody-may-see';
const CIRCUIT = { consecutiveFailures: 100, failureRatio: 0.99, windowCalls: 100, openMs: 200 };
const OCR = { text: 'GAME OVER', pages: [{ page: 1, text: 'GAME OVER', confidence: 0.9 }] };
const never = new AbortController().signal;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function serve(handler: Handler, port = 0): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => handler(request, response, Buffer.concat(chunks)));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  closing.push(() => stop(server));
  return server;
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** A client of what answers in turn: the last handler stays. */
async function against(
  handlers: readonly Handler[],
  options: Partial<{ timeoutMs: number; maxRequestBytes: number; circuit: typeof CIRCUIT }> = {},
) {
  const seen: { url: string | undefined; headers: IncomingMessage['headers']; body: Buffer }[] = [];
  const server = await serve((request, response, body) => {
    const handler = handlers[Math.min(seen.length, handlers.length - 1)];
    seen.push({ url: request.url, headers: request.headers, body });
    handler?.(request, response, body);
  });
  const reports: ServiceCallReport[] = [];
  const client = new ServiceClient({
    endpoint: {
      name: 'cv',
      url: `http://127.0.0.1:${portOf(server)}/base/`,
      token: TOKEN,
      timeoutMs: options.timeoutMs ?? 2_000,
      maxRequestBytes: options.maxRequestBytes ?? 1_000,
    },
    clock: systemClock,
    random: () => 0.01,
    circuit: options.circuit ?? CIRCUIT,
    onCall: (report) => reports.push(report),
  });
  closing.push(() => client.close());
  const services = createMediaServices({ cv: client, asr: undefined });
  const ask = (payload: object = {}, signal = never, bytes = 3) =>
    services.call(
      'cv.ocr',
      { path: 'Assets/a.png', mime: 'image/png', ...payload },
      { path: 'Assets/a.png', mime: 'image/png', bytes: Buffer.alloc(bytes, 7) },
      signal,
    );
  return { ask, seen, reports, server, client, services };
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Handler =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
const reset: Handler = (request) => request.socket.destroy();

describe('a service client', () => {
  it('sends the raw bytes, the parameters as one ASCII header and the token, and hands the answer on cleaned', async () => {
    const answer = {
      ...OCR,
      text: 'GAME\u202e OVER\r\n',
      extra: 1,
      usage: { model: 'ocr-1', inputTokens: 3 },
    };
    const { ask, seen, reports } = await against([json(200, answer)]);
    expect(await ask({ mode: 'fast', expectedText: 'Überraschung 🎮' })).toEqual({
      kind: 'done',
      result: OCR,
      usage: [{ model: 'ocr-1', inputTokens: 3, outputTokens: 0 }],
    });
    const [request] = seen;
    expect(request?.url).toBe('/base/v1/ocr');
    expect(request?.body).toEqual(Buffer.alloc(3, 7));
    expect(request?.headers).toMatchObject({ 'content-type': 'image/png', authorization: `Bearer ${TOKEN}` });
    expect(JSON.parse(String(request?.headers['spark-parameters']))).toEqual({
      mode: 'fast',
      expectedText: 'Überraschung 🎮',
    });
    expect(reports).toEqual([
      { service: 'cv', call: 'cv.ocr', answer: 'done', durationMs: expect.any(Number) },
    ]);
  });

  it.each([
    ['500 twice', [json(500, 'oops'), json(502, 'oops'), json(200, OCR)]],
    ['a reset connection', [reset, json(200, OCR)]],
    ['garbage', [json(200, '{"text": 1'), json(200, OCR)]],
    ['an answer that is not as agreed', [json(200, { text: 7 }), json(200, OCR)]],
  ] as const)('given %s and then a good answer, it asks again by itself', async (_what, handlers) => {
    const { ask, seen } = await against(handlers);
    expect(await ask()).toEqual({ kind: 'done', result: OCR });
    expect(seen).toHaveLength(handlers.length);
  });

  it('given failures without end, it gives up after three attempts', async () => {
    const { ask, seen } = await against([json(500, { message: 'out of memory' })]);
    expect(await ask()).toMatchObject({ kind: 'failed', reason: 'HTTP 500: out of memory' });
    expect(seen).toHaveLength(3);
  });

  it.each([
    ['503 with Retry-After', json(503, { message: 'loading' }, { 'retry-after': '7' }), 7_000],
    ['429 without', json(429, 'slow down'), 1_000],
    ['503 without', json(503, 'down'), 1_000],
  ] as const)(
    'given %s, the service is away and nothing is asked again',
    async (_what, handler, retryAfterMs) => {
      const { ask, seen } = await against([handler]);
      expect(await ask()).toMatchObject({ kind: 'away', retryAfterMs });
      expect(seen).toHaveLength(1);
    },
  );

  it('given a refusal, it comes back with its code and its cleaned text', async () => {
    const { ask, seen } = await against([
      json(422, { code: 'unsupported_language', message: 'no\u0000 Klingon\u200b' }),
    ]);
    expect(await ask()).toEqual({ kind: 'refused', code: 'unsupported_language', message: 'no Klingon' });
    expect(seen).toHaveLength(1);
  });

  it('given a wrong token, it says so without showing it', async () => {
    const answer = await (await against([json(401, { code: 'unauthorized', message: 'wrong token' })])).ask();
    expect(answer).toMatchObject({ kind: 'refused', code: 'service_unauthorized' });
    expect(JSON.stringify(answer)).not.toContain(TOKEN);
  });

  it('given a server that says nothing, the call fails at its timeout and is not made again', async () => {
    const { ask, seen } = await against([() => undefined], { timeoutMs: 150 });
    const beganMs = performance.now();
    expect(await ask()).toMatchObject({ kind: 'failed', reason: 'no answer within 150 ms' });
    expect(performance.now() - beganMs).toBeLessThan(2_000);
    expect(seen).toHaveLength(1);
  });

  it('given an answer that drips without end, the whole call still ends at its timeout', async () => {
    const drip: Handler = (_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    };
    const { ask } = await against([drip], { timeoutMs: 200 });
    expect(await ask()).toMatchObject({ kind: 'failed', reason: 'no answer within 200 ms' });
  });

  it('given an answer without end, it stops reading at its cap', async () => {
    let written = 0;
    const flood: Handler = (_request, response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 32))) written += 65_536;
      };
      response.on('drain', more);
      more();
    };
    const { ask } = await against([flood], { timeoutMs: 10_000 });
    expect(await ask()).toMatchObject({ kind: 'failed', reason: expect.stringContaining('larger than') });
    expect(written).toBeLessThan(32 * 1024 * 1024);
  });

  it('given a file over the limit, nothing is sent', async () => {
    const { ask, seen } = await against([json(200, OCR)]);
    expect(await ask({}, never, 1_001)).toMatchObject({ kind: 'refused', code: 'payload_too_large' });
    expect(await ask({ labels: Array(100).fill('ß'.repeat(100)) })).toMatchObject({
      code: 'parameters_too_large',
    });
    expect(seen).toHaveLength(0);
  });

  it('given a caller who gives up, the socket is closed and the reason thrown', async () => {
    const caller = new AbortController();
    let closed: Promise<unknown> | undefined;
    const { ask } = await against([
      (request) => {
        closed = new Promise((resolve) => request.socket.once('close', resolve));
        caller.abort(new Error('enough'));
      },
    ]);
    await expect(ask({}, caller.signal)).rejects.toThrow('enough');
    await closed;
    expect(closed).toBeDefined();
  });

  it('given nobody who listens, the service is away; its circuit opens, nothing is tried, and it is back within its time', async () => {
    const circuit = { ...CIRCUIT, consecutiveFailures: 2, openMs: 300 };
    const { ask, server, client, services } = await against([json(200, OCR)], { circuit });
    const port = portOf(server);
    await stop(server);
    for (let at = 0; at < 2; at++)
      expect(await ask()).toMatchObject({
        kind: 'away',
        reason: expect.stringContaining('cannot be reached'),
      });
    expect(client.circuit.state).toBe('open');
    expect(services.away('cv.ocr')).toMatchObject({ kind: 'away', retryAfterMs: expect.any(Number) });
    expect(await ask()).toMatchObject({ kind: 'away', reason: 'the circuit of cv is open' });
    await serve((request, response, body) => json(200, OCR)(request, response, body), port);
    await systemClock.sleep(client.circuit.waitMs + 5);
    expect(services.away('cv.ocr')).toBeUndefined();
    expect(await ask()).toEqual({ kind: 'done', result: OCR });
    expect(client.circuit.state).toBe('closed');
  });

  it('makes at most ten calls at once; what would neither run nor wait is away', async () => {
    let now = 0;
    let most = 0;
    const release: (() => void)[] = [];
    const { ask } = await against([
      (request, response, body) => {
        most = Math.max(most, ++now);
        release.push(() => {
          now--;
          json(200, OCR)(request, response, body);
        });
        if (release.length >= 10) for (const end of release.splice(0)) end();
      },
    ]);
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask()));
    expect(most).toBe(10);
    expect(answers.filter(({ kind }) => kind === 'done')).toHaveLength(20);
    expect(
      answers.filter((answer) => answer.kind === 'away' && answer.reason.startsWith('cv is busy')),
    ).toHaveLength(10);
  });

  it('given no service of that kind, it says which variable to set', async () => {
    const { services } = await against([json(200, OCR)]);
    const file = { path: 'Uploads/a.wav', mime: 'audio/wav', bytes: new Uint8Array(1) };
    expect(await services.call('asr.transcribe', {}, file, never)).toMatchObject({
      kind: 'refused',
      code: 'service_not_configured',
      message: expect.stringContaining('ASR_SERVICE_URL'),
    });
  });
});

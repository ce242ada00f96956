import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { sha256 } from '../../src/core/ids.js';
import { parseRateLimits } from '../../src/core/rateRules.js';
import { HTTP_LIMITS } from '../../src/http/limits.js';
import { RateLimitedSubmitter } from '../../src/ingest/rateLimitedSubmitter.js';
import { RateLimit } from '../../src/resilience/rateLimit.js';
import { FakeSubmitter } from '../support/httpFakes.js';
import { type Harness, READ_TOKEN, startHarness, TOKEN } from '../support/httpHarness.js';
import { operationRow } from '../support/operationFakes.js';
import { WindowClock } from '../support/windowClock.js';

const EXPORT = '/v1/sessions/s1/operations/export';
const IMPORT = '/v1/sessions/s2/operations/import';
const opened: { requests: ClientRequest[]; harness: Harness }[] = [];
afterEach(async () => {
  for (const { requests, harness } of opened.splice(0)) {
    for (const request of requests) request.destroy();
    await harness.server.stop();
  }
});

async function start(change: Parameters<typeof startHarness>[0] = {}) {
  const harness = await startHarness(change);
  const requests: ClientRequest[] = [];
  opened.push({ requests, harness });
  const open = (method: string, path: string, headers: Record<string, string> = {}): ClientRequest => {
    const { port } = harness.server.address();
    const request = httpRequest({
      ...{ host: '127.0.0.1', port, method, path, agent: false },
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    });
    request.on('error', () => undefined);
    requests.push(request);
    return request;
  };
  /** An import of which only the beginning is sent. */
  const begun = (token: string = TOKEN): ClientRequest => {
    const length = String(HTTP_LIMITS.importBodyBytes);
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': length,
    };
    const request = open('POST', IMPORT, headers);
    request.write('{"version":1,');
    return request;
  };
  /** Operation 1 with an image of that many bytes. */
  const operation = (bytes: number) => {
    const content = Buffer.alloc(bytes, 'x');
    const after = { sha256: sha256(content), bytes, meta: null };
    harness.images.stored.set(after.sha256, content);
    harness.reads.operations.push(operationRow(1, { after }));
    return after.sha256;
  };
  const exported = () => harness.call('GET', EXPORT);
  return { ...harness, open, begun, operation, exported };
}

/** What a request is answered with; 'cut' without an answer. */
const answered = (request: ClientRequest): Promise<IncomingMessage | 'cut'> =>
  new Promise((resolve) => {
    request.once('response', resolve);
    request.once('close', () => resolve('cut'));
  });
const statusOf = async (request: ClientRequest) => {
  const response = await answered(request);
  return response === 'cut' ? response : response.statusCode;
};
/** Asks until the answer is that: a connection's end reaches the server a moment later. */
async function until(status: number, ask: () => Promise<{ readonly status: number }>): Promise<void> {
  await expect.poll(async () => (await ask()).status, { timeout: 5_000 }).toBe(status);
}

describe('the slots of exports and imports', () => {
  it('given as many imports as may be under way, then the next is refused before its body is read, until one goes away', async () => {
    const { begun, exported, operation } = await start();
    operation(10);
    const [first] = [begun(), begun()];
    await until(503, exported);
    expect(await statusOf(begun())).toBe(503);
    first?.destroy();
    await until(200, exported);
  });

  it('given tokens that may not import, then they take no slot', async () => {
    const { begun, exported, operation } = await start();
    operation(10);
    const statuses = await Promise.all([1, 2, 3].map(() => statusOf(begun(READ_TOKEN))));
    expect(statuses).toEqual([403, 403, 403]);
    expect((await exported()).status).toBe(200);
  });

  it('given an import whose body stops coming, then it is cut off, and its slot is free', async () => {
    const clock = new WindowClock();
    const { begun, exported, operation } = await start({ clock });
    operation(10);
    const requests = [begun(), begun()];
    await until(503, exported);
    await clock.waiting(2);
    clock.pass();
    expect(await Promise.all(requests.map(statusOf))).toEqual(['cut', 'cut']);
    await until(200, exported);
  });

  it('given readers that stop taking their exports, then these hold their slots, and are cut off after a window', async () => {
    const clock = new WindowClock();
    const { open, exported, operation } = await start({ clock });
    operation(30_000_000);
    const stalled = [1, 2].map(() => {
      const request = open('GET', EXPORT);
      request.end();
      return request;
    });
    const responses = await Promise.all(stalled.map(answered));
    expect(responses.map((response) => response !== 'cut' && response.statusCode)).toEqual([200, 200]);
    expect((await exported()).status).toBe(503);
    await clock.waiting(2);
    await until(200, async () => {
      // What the buffers of the connection take may move in one window; soon nothing does.
      clock.pass();
      return exported();
    });
    for (const response of responses) {
      if (response === 'cut') continue;
      const cut = new Promise((resolve) => response.once('error', resolve));
      response.resume();
      expect(await cut).toMatchObject({ code: 'ECONNRESET' });
    }
  });

  it('given clients that go away while their exports are being gathered, then these keep their slots until that has ended', async () => {
    const { open, images, exported, operation, call } = await start();
    operation(10);
    const get = images.get.bind(images);
    const gathering: (() => void)[] = [];
    images.get = async (sha) => {
      await new Promise<void>((resolve) => gathering.push(resolve));
      return get(sha);
    };
    const requests = [open('GET', EXPORT), open('GET', EXPORT)];
    for (const request of requests) request.end();
    await expect.poll(() => gathering.length).toBe(2);
    for (const request of requests) request.destroy();
    // The server has seen them go once it has answered something that came later.
    for (let n = 0; n < 5; n++) await call('GET', '/v1/commands');
    expect((await exported()).status).toBe(503);
    images.get = get;
    for (const end of gathering) end();
    await until(200, exported);
  });

  it('given a client that takes gzip, then a large export is whole', async () => {
    const { call, open, operation } = await start();
    const sha = operation(1_000_000);
    const plain = await call('GET', EXPORT);
    expect((plain.json['images'] as Record<string, string>)[sha]).toHaveLength(1_333_336);
    const request = open('GET', EXPORT, { 'accept-encoding': 'gzip' });
    request.end();
    const zipped = await answered(request);
    if (zipped === 'cut') throw new Error('no answer');
    expect(zipped.headers['content-encoding']).toBe('gzip');
    const bytes = await buffer(zipped);
    expect(bytes.byteLength).toBeLessThan(plain.text.length / 10);
    expect(JSON.parse(gunzipSync(bytes).toString())).toMatchObject({ images: plain.json['images'] });
  });

  it('given a unit whose images are more than an export takes, then none of them is read', async () => {
    const { images, reads, exported } = await start();
    const bytes = HTTP_LIMITS.exportImageBytes / 2 + 1;
    const asked: string[] = [];
    images.get = async (sha) => {
      asked.push(sha);
      return Buffer.from('text 3');
    };
    const unitId = operationRow(1).operationId;
    reads.operations.push(
      operationRow(3),
      ...[2, 1].map((n) =>
        operationRow(n, { unitId, after: { sha256: sha256(`large ${n}`), bytes, meta: null } }),
      ),
    );
    const { json } = await exported();
    expect(json['operations']).toHaveLength(1);
    expect(json['cut']).toContain('pass');
    expect(asked).toEqual([sha256('text 3')]);
  });
});

describe('the images of an import', () => {
  const documentOf = (...named: string[]) => {
    const { operationId, ts, editor, path, tool } = operationRow(1);
    const after = { sha256: sha256('text 1'), bytes: 6, meta: null };
    return {
      version: 1,
      operations: [{ operationId, ts, editor, path, tool, state: 'applied', before: null, after }],
      images: Object.fromEntries(named.map((text) => [sha256(text), Buffer.from(text).toString('base64')])),
    };
  };

  it('given one that no operation names, then it says which, and nothing is stored', async () => {
    const { call, images, submitter } = await start();
    const reply = await call('POST', IMPORT, { body: documentOf('text 1', 'stowaway') });
    expect([reply.status, reply.json['errors']]).toMatchObject([
      422,
      [{ pointer: `/images/${sha256('stowaway')}` }],
    ]);
    expect([images.stored.size, submitter.accepted.length]).toEqual([0, 0]);
  });

  it.each([
    ['a full backlog', { kind: 'saturated', retryAfterMs: 1, queuePosition: 1, reason: 'backlog' } as const],
    ['a stream that is away', { kind: 'unavailable', retryAfterMs: 1, reason: 'away' } as const],
  ])('given %s, then nothing is stored', async (_, answer) => {
    const { call, images, submitter } = await start();
    submitter.answer = () => answer;
    expect((await call('POST', IMPORT, { body: documentOf('text 1') })).status).toBeGreaterThan(400);
    expect(images.stored.size).toBe(0);
  });

  it('given more imports than the default limit lets through, then what is above stores no image', async () => {
    const inner = new FakeSubmitter();
    const limit = new RateLimit(parseRateLimits(''), systemClock);
    const { call, images } = await start({ submitter: new RateLimitedSubmitter(inner, limit) });
    for (let n = 0; n < 6; n++)
      expect((await call('POST', IMPORT, { body: documentOf('text 1') })).status).toBe(202);
    expect(images.stored.size).toBe(1);
    images.stored.clear();
    const refused = await call('POST', IMPORT, { body: documentOf('text 1') });
    expect([refused.status, refused.json['rateLimit']]).toMatchObject([
      429,
      { limit: 'session.import', count: 6, windowSeconds: 60 },
    ]);
    expect(images.stored.size).toBe(0);
  });
});

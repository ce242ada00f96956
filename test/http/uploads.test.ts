import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/commands/limits.js';
import { sha256 } from '../../src/core/ids.js';
import { type Harness, READ_TOKEN, startHarness, TOKEN } from '../support/httpHarness.js';
import { png, wav } from '../support/sampleFiles.js';

let spark: Harness;
beforeAll(async () => {
  spark = await startHarness();
});
afterAll(async () => {
  await spark.server.stop();
});
beforeEach(() => {
  spark.uploads.objects.clear();
  spark.uploads.answer = undefined;
});

const post = (raw: Buffer, type: string, token: string = TOKEN) =>
  spark.call('POST', '/v1/uploads', { raw, token, headers: { 'content-type': type } });

describe('POST /v1/uploads', () => {
  it('given a picture, then it is stored under its hash and the answer names it for commands', async () => {
    const bytes = png(4, 4);
    const reply = await post(bytes, 'image/png');
    expect(reply.status).toBe(201);
    expect(reply.json).toEqual({
      upload: sha256(bytes),
      file: `Uploads/${sha256(bytes)}.png`,
      bytes: bytes.length,
      mime: 'image/png',
    });
    expect(Buffer.from(spark.uploads.objects.get(sha256(bytes)) ?? [])).toEqual(bytes);
  });

  it('given the same bytes again, then the answer is the same', async () => {
    const [first, second] = [await post(wav(), 'audio/wav'), await post(wav(), 'audio/wav')];
    expect(second.status).toBe(first.status);
    expect(second.json).toEqual(first.json);
    expect(spark.uploads.objects.size).toBe(1);
  });

  it.each([
    ['application/json', '{"level":1}', '.json'],
    ['text/plain; charset=utf-8', 'hello', '.txt'],
  ])('given %s, then it is a file like any other', async (type, text, extension) => {
    const reply = await post(Buffer.from(text), type);
    expect(reply.status).toBe(201);
    expect(reply.json['file']).toBe(`Uploads/${sha256(text)}${extension}`);
  });

  it('given a type that no command takes, then 415 names those that are', async () => {
    const reply = await post(Buffer.from('MZ'), 'application/x-msdownload');
    expect(reply.status).toBe(415);
    expect(reply.json).toMatchObject({
      code: 'media_type_not_taken',
      detail: expect.stringContaining('image/png'),
    });
  });

  it('given no Content-Type, then 415', async () => {
    const reply = await post(png(), '');
    expect(reply.status).toBe(415);
  });

  it('given bytes that are not what they are claimed to be, then 422 says what they are', async () => {
    const reply = await post(wav(), 'image/png');
    expect(reply.status).toBe(422);
    expect(reply.json).toMatchObject({
      code: 'mime_mismatch',
      detail: expect.stringContaining('audio/wav'),
    });
    expect(spark.uploads.objects.size).toBe(0);
  });

  it('given an empty body, then 400', async () => {
    const reply = await post(Buffer.alloc(0), 'image/png');
    expect([reply.status, reply.json['code']]).toEqual([400, 'empty_upload']);
  });

  it('given a declared length above the limit, then 413 names the limit before anything is read', async () => {
    const reply = await raw({ 'content-length': String(LIMITS.uploadBytes + 1) }, [png()]);
    expect(reply.status).toBe(413);
    expect(reply.json).toMatchObject({
      code: 'payload_too_large',
      errors: [{ limit: LIMITS.uploadBytes, unit: 'bytes' }],
    });
  });

  it('given a stream without end, then it is cut at the limit with 413', async () => {
    const megabyte = Buffer.alloc(1024 * 1024, 1);
    const chunks = Array.from({ length: LIMITS.uploadBytes / megabyte.length + 2 }, () => megabyte);
    const reply = await raw({ 'transfer-encoding': 'chunked' }, chunks);
    expect(reply.status).toBe(413);
    expect(spark.uploads.objects.size).toBe(0);
  });

  it('given a client that asks first, then it may go on only once token, type and size are right', async () => {
    const bytes = wav(2_000_000);
    const length = { 'content-length': String(bytes.length), expect: '100-continue' };
    const good = await raw({ ...length, 'content-type': 'audio/wav' }, [bytes], true);
    expect([good.status, good.continued]).toEqual([201, true]);
    const bad = await raw({ ...length, 'content-type': 'audio/x-nothing' }, [bytes], true);
    expect([bad.status, bad.continued]).toEqual([415, false]);
  });

  it('given a token that may not write assets, then 403', async () => {
    expect((await post(png(), 'image/png', READ_TOKEN)).status).toBe(403);
    expect(spark.uploads.objects.size).toBe(0);
  });

  it('given a full store, then 507 that may be tried again', async () => {
    spark.uploads.answer = { kind: 'full' };
    const reply = await post(png(), 'image/png');
    expect([reply.status, reply.json['code'], reply.json['retryable']]).toEqual([507, 'uploads_full', true]);
    expect(reply.headers['retry-after']).toBeDefined();
  });

  it('given a store that is away, then 503', async () => {
    spark.uploads.answer = { kind: 'unavailable', reason: 'no responders' };
    expect((await post(png(), 'image/png')).status).toBe(503);
  });

  it('given a client that goes away in the middle, then the next one is served', async () => {
    await new Promise<void>((resolve) => {
      const { port } = spark.server.address();
      const headers = {
        authorization: `Bearer ${TOKEN}`,
        'content-type': 'image/png',
        'content-length': '1000',
      };
      const req = httpRequest({ host: '127.0.0.1', port, method: 'POST', path: '/v1/uploads', headers });
      req.on('error', () => resolve());
      req.write(png(), () => req.destroy(new Error('gone')));
    });
    expect((await post(png(), 'image/png')).status).toBe(201);
  });
});

interface RawReply {
  readonly status: number;
  readonly json: Record<string, unknown>;
  readonly continued: boolean;
}

/** A post whose framing the test decides; `ask` waits for "100 Continue" before the body. */
function raw(headers: Record<string, string>, chunks: readonly Buffer[], ask = false): Promise<RawReply> {
  const { port } = spark.server.address();
  return new Promise((resolve, reject) => {
    let continued = false;
    const req = httpRequest(
      {
        ...{ host: '127.0.0.1', port, method: 'POST', path: '/v1/uploads', agent: false },
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'image/png', ...headers },
      },
      (res) => {
        const parts: Buffer[] = [];
        res.on('data', (part: Buffer) => parts.push(part));
        res.on('end', () => {
          req.destroy();
          const json = JSON.parse(Buffer.concat(parts).toString() || '{}') as Record<string, unknown>;
          resolve({ status: res.statusCode ?? 0, json, continued });
        });
      },
    );
    req.on('error', reject);
    const send = () => {
      for (const chunk of chunks) req.write(chunk);
      req.end();
    };
    req.on('continue', () => {
      continued = true;
      send();
    });
    if (ask) req.flushHeaders();
    else send();
  });
}

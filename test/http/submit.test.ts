import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/commands/limits.js';
import { completedEvent, failedEvent } from '../support/httpFakes.js';
import { type Harness, READ_TOKEN, script, startHarness, TOKEN } from '../support/httpHarness.js';

let spark: Harness;
beforeAll(async () => {
  spark = await startHarness();
});
afterAll(async () => {
  await spark.server.stop();
});
beforeEach(() => {
  spark.submitter.answer = undefined;
  spark.submitter.onAccepted = undefined;
});

const post = (body: unknown, headers: Record<string, string> = {}) =>
  spark.call('POST', '/v1/commands', { body, headers });

describe('POST /v1/commands, one command', () => {
  it('given a right command, then it is 202 with its id, its place and the ids of the request', async () => {
    const reply = await post(script(), { 'x-request-id': 'req-7' });
    expect(reply.status).toBe(202);
    expect(reply.json).toEqual({ commandId: expect.any(String), status: 'accepted', duplicate: false });
    expect(reply.headers['location']).toBe(`/v1/commands/${reply.json['commandId']}`);
    expect(reply.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(reply.headers['x-request-id']).toBe('req-7');
    expect(reply.headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
    expect(reply.headers['x-content-type-options']).toBe('nosniff');
    expect(reply.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('given every envelope field, then all of them reach the submitter', async () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    await post(
      script({
        editor: 'left',
        idempotencyKey: 'all-fields',
        actor: 'Jane Doe',
        correlationId: 'c/1',
        causationId: 'c/0',
        deadline: '2030-01-31T13:00:00+01:00',
        priority: 9,
        traceparent,
      }),
    );
    expect(spark.submitter.accepted.at(-1)).toEqual({
      type: 'unity.generate_script',
      sessionId: 's1',
      editor: 'left',
      payload: script()['payload'],
      idempotencyKey: 'all-fields',
      actor: 'Jane Doe',
      credential: 'tester',
      correlationId: 'c/1',
      causationId: 'c/0',
      deadline: '2030-01-31T12:00:00.000Z',
      priority: 9,
      traceparent,
    });
  });

  it('given no actor and a trace in the header, then the token names the actor and the trace goes on', async () => {
    const reply = await post(script(), { traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01` });
    const request = spark.submitter.accepted.at(-1);
    expect(request).toMatchObject({ actor: 'tester', editor: 'default', priority: 5, idempotencyKey: null });
    expect(request?.traceparent).toMatch(new RegExp(`^00-${'c'.repeat(32)}-[0-9a-f]{16}-01$`));
    expect(request?.traceparent).toBe(reply.headers['traceparent']);
  });

  it('given the key of an earlier command, then the answer is the first one, marked as replayed', async () => {
    const first = await post(script(), { 'idempotency-key': 'same' });
    const again = await post(script({ idempotencyKey: 'same' }));
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(again.status).toBe(202);
    expect(again.json).toEqual({ ...first.json, duplicate: true });
    expect(again.headers['idempotency-replayed']).toBe('true');
  });

  it('given a quoted Idempotency-Key, as the IETF draft writes it, then it is the same key', async () => {
    const first = await post(script(), { 'idempotency-key': '"quoted-1"' });
    const again = await post(script(), { 'idempotency-key': 'quoted-1' });
    expect(again.json).toEqual({ ...first.json, duplicate: true });
  });

  it('given the key with another payload, then it is 422 and says so by its code', async () => {
    await post(script(), { 'idempotency-key': 'mismatch' });
    const other = script({ payload: { name: 'Other', path: 'Assets/Other.cs', code: '' } });
    const reply = await post(other, { 'idempotency-key': 'mismatch' });
    expect(reply.status).toBe(422);
    expect(reply.json['code']).toBe('idempotency_mismatch');
  });

  it('given different keys in header and body, then it is 422', async () => {
    const reply = await post(script({ idempotencyKey: 'a' }), { 'idempotency-key': 'b' });
    expect(reply.status).toBe(422);
    expect(reply.json['errors']).toEqual([{ pointer: '/idempotencyKey', message: expect.any(String) }]);
  });
});

describe('POST /v1/commands, refused', () => {
  it.each([
    ['a session with a dot', script({ sessionId: 'a.b' }), '/sessionId'],
    ['an editor with a wildcard', script({ editor: '*' }), '/editor'],
    ['no session', script({ sessionId: undefined }), '/sessionId'],
    ['a field nobody knows', script({ shell: 'rm' }), '/shell'],
    ['a deadline without a zone', script({ deadline: '2030-01-01T00:00:00' }), '/deadline'],
    ['a priority above nine', script({ priority: 10 }), '/priority'],
    ['a key with a space', script({ idempotencyKey: 'a b' }), '/idempotencyKey'],
    ['a key of 201 characters', script({ idempotencyKey: 'k'.repeat(201) }), '/idempotencyKey'],
    ['no payload', script({ payload: undefined }), '/payload'],
    ['a path outside Assets', script({ payload: { name: 'A', path: '../A.cs', code: '' } }), '/payload/path'],
    ['a text', 'text', ''],
  ])('given %s, then it is 422 with a pointer to it', async (_name, body, pointer) => {
    const reply = await post(body);
    expect(reply.status).toBe(422);
    expect(reply.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(reply.json).toMatchObject({
      type: '/problems/schema_violation',
      status: 422,
      code: 'schema_violation',
      retryable: false,
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect((reply.json['errors'] as { pointer: string }[])[0]?.pointer).toBe(pointer);
  });

  it('given an unknown command, then it is 422 unknown_command', async () => {
    const reply = await post(script({ type: 'unity.format_disk' }));
    expect([reply.status, reply.json['code']]).toEqual([422, 'unknown_command']);
  });

  it('given more code than allowed, then it is 413 with the limit and its unit', async () => {
    const code = 'x'.repeat(LIMITS.scriptBytes + 1);
    const reply = await post(script({ payload: { name: 'A', path: 'Assets/A.cs', code } }));
    expect([reply.status, reply.json['code']]).toEqual([413, 'payload_too_large']);
    expect(reply.json['errors']).toMatchObject([
      { pointer: '/payload/code', limit: LIMITS.scriptBytes, unit: 'bytes' },
    ]);
  });

  it.each([
    ['broken JSON', '{"type":'],
    ['no body', ''],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['a __proto__ member', '{"__proto__":{"a":1}}'],
    ['a nest of a hundred thousand arrays', '['.repeat(100_000)],
  ])('given %s, then it is 400 malformed_json', async (_name, raw) => {
    const reply = await spark.call('POST', '/v1/commands', { raw });
    expect([reply.status, reply.json['code']]).toEqual([400, 'malformed_json']);
  });

  it.each([
    ['another content type', { 'content-type': 'text/plain' }, 'unsupported_media_type'],
    ['another charset', { 'content-type': 'application/json; charset=latin1' }, 'unsupported_media_type'],
    ['a compressed body', { 'content-encoding': 'br' }, 'unsupported_content_encoding'],
  ])('given %s, then it is 415', async (_name, headers, code) => {
    const reply = await post(script(), headers);
    expect([reply.status, reply.json['code']]).toEqual([415, code]);
  });

  it('given a saturated pipeline, then it is 429 with when to come back and the place in the queue', async () => {
    spark.submitter.answer = () => ({
      kind: 'saturated',
      retryAfterMs: 2_500,
      queuePosition: 75_001,
      reason: 'the backlog is full',
    });
    const reply = await post(script());
    expect(reply.status).toBe(429);
    expect(reply.headers['retry-after']).toBe('3');
    expect(reply.json).toMatchObject({
      code: 'saturated',
      retryable: true,
      retryAfterMs: 2_500,
      queuePosition: 75_001,
    });
  });

  it('given a stream out of reach, then it is 503 and may be tried again', async () => {
    spark.submitter.answer = () => ({ kind: 'unavailable', retryAfterMs: 500, reason: 'no PubAck' });
    const reply = await post(script());
    expect(reply.status).toBe(503);
    expect(reply.headers['retry-after']).toBe('1');
    expect(reply.json).toMatchObject({ code: 'unavailable', retryable: true });
  });
});

describe('the size of a body', () => {
  const padded = (bytes: number) => {
    const text = JSON.stringify([script()]);
    return text.slice(0, 1) + ' '.repeat(bytes - Buffer.byteLength(text)) + text.slice(1);
  };

  it('given exactly the limit, then it is read', async () => {
    const reply = await spark.call('POST', '/v1/commands', { raw: padded(LIMITS.rawRequestBytes) });
    expect(reply.status).toBe(202);
  });

  it('given one byte more, then it is 413 with the limit', async () => {
    const reply = await spark.call('POST', '/v1/commands', { raw: padded(LIMITS.rawRequestBytes + 1) });
    expect([reply.status, reply.json['code']]).toEqual([413, 'payload_too_large']);
    expect(reply.headers['connection']).toBe('close');
    expect(reply.json['errors']).toMatchObject([{ limit: 1_000_000, unit: 'bytes' }]);
  });

  it('given a client that sends on and on in chunks, then it reads a whole 413 and a clean end', async () => {
    const { port } = spark.server.address();
    const socket = connect(port, '127.0.0.1');
    const received: Buffer[] = [];
    const closed = new Promise<void>((resolve, reject) => {
      socket.on('data', (data) => received.push(data));
      socket.on('error', reject);
      socket.on('end', resolve);
    });
    socket.write(
      `POST /v1/commands HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${TOKEN}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    for (let sent = 0; sent < 40; sent++) socket.write(chunk);
    socket.write('0\r\n\r\n');
    await closed;
    const text = Buffer.concat(received).toString();
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4))).toMatchObject({ code: 'payload_too_large' });
  });

  it('given Expect: 100-continue with too much, then it is refused before the body is sent', async () => {
    const { port } = spark.server.address();
    const socket = connect(port, '127.0.0.1');
    const first = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
    socket.write(
      `POST /v1/commands HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${TOKEN}\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 5000000\r\n\r\n`,
    );
    expect(await first).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });
});

describe('Prefer: wait', () => {
  it('given an outcome in time, then it is 200 with the result', async () => {
    spark.submitter.onAccepted = (commandId) => {
      spark.feed.onWait = () => spark.feed.append(completedEvent(commandId, 's1', { sha256: 'ab' }));
    };
    const reply = await post(script(), { prefer: 'wait=10' });
    expect(reply.status).toBe(200);
    expect(reply.headers['preference-applied']).toBe('wait');
    expect(reply.headers['location']).toBe(`/v1/commands/${reply.json['commandId']}`);
    expect(reply.json).toMatchObject({
      status: 'completed',
      duplicate: false,
      result: { sha256: 'ab' },
      type: 'unity.generate_script',
      attempts: 1,
    });
  });

  it('given a worker that was faster than the wait, then its word counts', async () => {
    spark.feed.onWait = undefined;
    spark.submitter.onAccepted = (commandId) =>
      spark.queries.known.set(commandId, {
        commandId,
        state: 'completed',
        attempts: 1,
        outcome: { result: { quick: true } },
      });
    const reply = await post(script(), { prefer: 'wait' });
    expect(reply.status).toBe(200);
    expect(reply.json).toMatchObject({ status: 'completed', result: { quick: true } });
  });

  it('given a conflict, then it is 409 with the code conflict', async () => {
    spark.submitter.onAccepted = (commandId) => {
      spark.feed.onWait = () => spark.feed.append(failedEvent(commandId, 's1', 'conflict', 'file_changed'));
    };
    const reply = await post(script(), { prefer: 'respond-async, wait=5' });
    expect(reply.status).toBe(409);
    expect(reply.headers['content-type']).toContain('application/problem+json');
    expect(reply.json).toMatchObject({
      code: 'conflict',
      commandId: expect.any(String),
      error: { code: 'file_changed' },
    });
  });

  it('given another failure, then it is 200: the request went well, the command did not', async () => {
    spark.submitter.onAccepted = (commandId) => {
      spark.feed.onWait = () => spark.feed.append(failedEvent(commandId, 's1', 'failed', 'compile_error'));
    };
    const reply = await post(script(), { prefer: 'wait=5' });
    expect(reply.status).toBe(200);
    expect(reply.json).toMatchObject({ status: 'failed', error: { code: 'compile_error' } });
  });

  it('given no outcome in time, then it is 202 as without the wait', async () => {
    spark.feed.onWait = undefined;
    const reply = await post(script(), { prefer: 'wait=1' });
    expect(reply.status).toBe(202);
    expect(reply.headers['preference-applied']).toBeUndefined();
  });
});

describe('POST /v1/commands, an array', () => {
  it('given good and bad items, then each has its answer in its place and the good ones are stored', async () => {
    const before = spark.submitter.accepted.length;
    const reply = await post([
      script({ idempotencyKey: 'batch-1' }),
      script({ sessionId: 'a b' }),
      script({ payload: { name: 'A', path: 'Assets/../A.cs', code: '' } }),
      script({ idempotencyKey: 'batch-1' }),
      7,
    ]);
    expect(reply.status).toBe(202);
    const items = JSON.parse(reply.text) as Record<string, unknown>[];
    expect(items.map((item) => item['status'])).toEqual(['accepted', 422, 422, 'accepted', 422]);
    expect(items[1]).toMatchObject({ code: 'schema_violation', errors: [{ pointer: '/sessionId' }] });
    expect(items[3]).toMatchObject({ commandId: items[0]?.['commandId'], duplicate: true });
    expect(spark.submitter.accepted.length).toBe(before + 1);
  });

  it('given a pipeline that fills up in between, then the rest say when to come back', async () => {
    let room = 1;
    spark.submitter.answer = () =>
      room-- > 0 ? undefined : { kind: 'saturated', retryAfterMs: 1_000, queuePosition: 1, reason: 'full' };
    const reply = await post([script(), script()]);
    expect(reply.status).toBe(202);
    expect(reply.headers['retry-after']).toBe('1');
    expect((JSON.parse(reply.text) as { status: unknown }[]).map(({ status }) => status)).toEqual([
      'accepted',
      429,
    ]);
  });

  it('given that nothing was taken, then the whole answer is 429', async () => {
    spark.submitter.answer = () => ({
      kind: 'saturated',
      retryAfterMs: 1_000,
      queuePosition: 1,
      reason: 'full',
    });
    expect((await post([script(), script()])).status).toBe(429);
  });

  it('given 1,000 items, then all are taken; given 1,001, then it is 413 with the limit', async () => {
    const many = (count: number) => Array.from({ length: count }, () => script());
    expect(JSON.parse((await post(many(1_000))).text)).toHaveLength(1_000);
    const reply = await post(many(1_001));
    expect(reply.status).toBe(413);
    expect(reply.json['errors']).toMatchObject([{ limit: 1_000, unit: 'items' }]);
  });

  it('given an empty array or one key for all, then it is 422', async () => {
    expect((await post([])).status).toBe(422);
    expect((await post([script()], { 'idempotency-key': 'k' })).status).toBe(422);
  });

  it('given a token that may only read, then each item is 403 and nothing is stored', async () => {
    const before = spark.submitter.accepted.length;
    const reply = await spark.call('POST', '/v1/commands', { body: [script()], token: READ_TOKEN });
    expect(JSON.parse(reply.text)).toMatchObject([{ status: 403, code: 'forbidden' }]);
    expect(spark.submitter.accepted.length).toBe(before);
  });
});

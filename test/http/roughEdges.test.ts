import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/commands/limits.js';
import { uuidFrom } from '../../src/core/ids.js';
import { commandRow, completedEvent } from '../support/httpFakes.js';
import { type Harness, script, startHarness, TOKEN } from '../support/httpHarness.js';

let spark: Harness;
beforeAll(async () => {
  spark = await startHarness();
});
afterAll(async () => {
  await spark.server.stop();
});

describe('problems in words for people', () => {
  it.each([
    ['no payload', { type: 'unity.delete_script', sessionId: 's1' }, '/payload', 'is required'],
    ['no session', { type: 'unity.delete_script', payload: {} }, '/sessionId', 'is required'],
    ['a number for a text', script({ sessionId: 7 }), '/sessionId', 'must be a text, not a number'],
    ['an unknown field', script({ colour: 'red' }), '/colour', 'unknown field; remove colour'],
    ['a priority above 9', script({ priority: 10 }), '/priority', 'must be at most 9'],
    ['half a priority', script({ priority: 1.5 }), '/priority', 'must be a whole number, not a number'],
  ])('given %s, then the message says what to do', async (_, body, pointer, message) => {
    const { json, status } = await spark.call('POST', '/v1/commands', { body });
    expect(status).toBe(422);
    expect((json['errors'] as object[])[0]).toMatchObject({ pointer, message });
    expect(JSON.stringify(json)).not.toMatch(/nonoptional|Invalid input|expected \w+, received/);
  });

  it('given a body above the limit of a request, then it says what the limit is for and where files go', async () => {
    const raw = Buffer.alloc(3_000_000, 'a');
    const reply = await spark.call('POST', '/v1/commands', { raw });
    expect(reply.status).toBe(413);
    expect(reply.json['detail']).toContain(String(LIMITS.rawRequestBytes));
    expect(reply.json['detail']).toContain('/v1/uploads');
  });

  it('given no token, a wrong one and another scheme, then each is told what is wrong', async () => {
    const detail = async (headers: Record<string, string>) =>
      (await spark.call('GET', '/v1/commands', { token: null, headers })).json['detail'];
    expect(await detail({})).toBe('send Authorization: Bearer <token>');
    expect(await detail({ authorization: 'Bearer wrong' })).toBe('this token is not known here');
    // As far as a known one, and no further: the text is the same however near it is.
    expect(await detail({ authorization: `Bearer ${TOKEN.slice(0, -1)}` })).toBe(
      'this token is not known here',
    );
    expect(await detail({ authorization: 'Basic abc' })).toContain('no bearer token');
  });
});

describe('a method that a path does not take', () => {
  it.each([
    ['PUT', '/v1/commands', 'GET, HEAD, POST'],
    ['PATCH', `/v1/commands/${uuidFrom('x')}`, 'GET, HEAD'],
    ['POST', '/livez', 'GET, HEAD'],
    ['DELETE', '/v1/dead-letters?limit=1', 'GET, HEAD'],
    ['PUT', '/v1/dead-letters/12', 'DELETE, GET, HEAD'],
    ['OPTIONS', '/v1/usage', 'POST'],
  ])('given %s %s, then it is 405 and Allow names those it takes', async (method, path, allow) => {
    const reply = await spark.call(method, path, {});
    expect([reply.status, reply.json['code'], reply.headers['allow']]).toEqual([
      405,
      'method_not_allowed',
      allow,
    ]);
  });

  it('given a path that is none, then it is 404 without Allow', async () => {
    const reply = await spark.call('PUT', '/v1/nothing/here', {});
    expect([reply.status, reply.headers['allow']]).toEqual([404, undefined]);
  });
});

describe('the times of a command', () => {
  const beginning = {
    type: 'unity.generate_script',
    actor: 'somebody',
    idempotencyKey: 'k',
    acceptedAt: '2026-03-01T10:00:00.000Z',
    startedAt: '2026-03-01T10:00:00.250Z',
  };

  it('given the end from the feed, then they are the times of the stream, as the read models have them', async () => {
    const tsMs = Date.parse('2026-03-01T10:00:01.000Z') + 0.7;
    spark.submitter.onAccepted = (commandId, request) => {
      spark.feed.beginnings.set(commandId, beginning);
      spark.feed.onWait = () => {
        spark.feed.onWait = undefined;
        const stored = spark.feed.store(completedEvent(commandId, request.sessionId));
        spark.feed.announce({ ...stored, tsMs });
      };
    };
    const reply = await spark.call('POST', '/v1/commands', { body: script(), headers: { prefer: 'wait=5' } });
    spark.submitter.onAccepted = undefined;
    expect(reply.json).toMatchObject({
      source: 'feed',
      acceptedAt: beginning.acceptedAt,
      startedAt: beginning.startedAt,
      finishedAt: '2026-03-01T10:00:01.000Z',
    });
  });

  it('given a worker ahead of the read model, then a start that this process saw is told', async () => {
    const id = uuidFrom('ahead');
    spark.reads.commands.set(
      id,
      commandRow(id, { state: 'started', startedAt: null, finishedAt: null, result: null }),
    );
    spark.queries.known.set(id, { commandId: id, state: 'completed', attempts: 1, outcome: { result: {} } });
    spark.feed.beginnings.set(id, beginning);
    expect((await spark.call('GET', `/v1/commands/${id}`)).json).toMatchObject({
      status: 'completed',
      startedAt: beginning.startedAt,
    });
  });
});

describe('POST /v1/usage', () => {
  it('given a report, then it is the command usage.report, once a key', async () => {
    const body = {
      sessionId: 's1',
      editor: 'left',
      model: 'm',
      inputTokens: 3,
      outputTokens: 4,
      costUsd: 0.5,
    };
    const send = () => spark.call('POST', '/v1/usage', { body, headers: { 'idempotency-key': 'u1' } });
    const first = await send();
    expect(first.status).toBe(202);
    expect(spark.submitter.accepted.at(-1)).toMatchObject({
      type: 'usage.report',
      sessionId: 's1',
      editor: 'left',
      payload: { model: 'm', inputTokens: 3, outputTokens: 4, costUsd: 0.5 },
      idempotencyKey: 'u1',
    });
    expect((await send()).json).toEqual({ ...first.json, duplicate: true });
  });

  it.each([
    [{ model: '' }, '/model'],
    [{ inputTokens: 1.5 }, '/inputTokens'],
    [{ costUsd: -1 }, '/costUsd'],
    [{ total: 1 }, '/total'],
  ])('given %o, then it is 422 at the field', async (change, pointer) => {
    const body = { sessionId: 's1', model: 'm', inputTokens: 1, outputTokens: 1, ...change };
    const reply = await spark.call('POST', '/v1/usage', { body });
    expect(reply.status).toBe(422);
    expect((reply.json['errors'] as { pointer: string }[])[0]?.pointer).toBe(pointer);
  });
});

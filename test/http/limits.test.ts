import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { parseRateLimits } from '../../src/core/rateRules.js';
import { grantOf } from '../../src/http/auth.js';
import { RateLimitedSubmitter } from '../../src/ingest/rateLimitedSubmitter.js';
import { RateLimit } from '../../src/resilience/rateLimit.js';
import { heldBack } from '../../src/workers/lanes/heldBack.js';
import { newTask } from '../../src/workers/lanes/task.js';
import { aCommand, aRequest } from '../support/commandFixtures.js';
import { FakeSubmitter } from '../support/httpFakes.js';
import { type Harness, READ_TOKEN, script, startHarness, TOKEN } from '../support/httpHarness.js';

const opened: Harness[] = [];
const start = async (...of: Parameters<typeof startHarness>): Promise<Harness> => {
  const harness = await startHarness(...of);
  opened.push(harness);
  return harness;
};
afterAll(async () => {
  for (const { server } of opened) await server.stop();
});

describe('rate limits over HTTP', () => {
  it('given more than the limit, then it is 429 that names the limit, with Retry-After and RateLimit headers', async () => {
    const inner = new FakeSubmitter();
    const limit = new RateLimit(parseRateLimits('session=2/h'), systemClock);
    const spark = await start({ submitter: new RateLimitedSubmitter(inner, limit) });
    const post = (sessionId: string) =>
      spark.call('POST', '/v1/commands', { body: { ...script(), sessionId } });
    expect([(await post('a')).status, (await post('a')).status]).toEqual([202, 202]);
    const refused = await post('a');
    expect(refused.status).toBe(429);
    expect(refused.headers['content-type']).toContain('application/problem+json');
    expect(refused.json).toMatchObject({
      code: 'rate_limited',
      retryable: true,
      rateLimit: { limit: 'session', count: 2, windowSeconds: 3_600 },
    });
    const retryAfter = refused.headers['retry-after'];
    expect(Number(retryAfter)).toBeGreaterThan(1_000);
    expect(refused.headers['ratelimit-policy']).toBe('"session";q=2;w=3600');
    expect(refused.headers['ratelimit']).toBe(`"session";r=0;t=${retryAfter}`);
    expect((await post('b')).status).toBe(202);
    expect(inner.accepted).toHaveLength(3);
  });

  it('given more files than a token may post, then 429 names the limit, nothing is stored, and other tokens feel nothing', async () => {
    const limit = new RateLimit(parseRateLimits('uploads=2/h;actor=1/h'), systemClock);
    const tokens = ['first-token-0123456789', 'second-token-0123456789'];
    const spark = await start({
      tokens: tokens.map((token, at) => grantOf(`token ${at}`, token)),
      admitUpload: (credential) => limit.takeUpload(credential),
    });
    const post = (text: string, token = tokens[0]) =>
      spark.call('POST', '/v1/uploads', {
        raw: Buffer.from(text),
        ...{ token: token ?? null, headers: { 'content-type': 'text/plain' } },
      });
    expect([(await post('a')).status, (await post('b')).status]).toEqual([201, 201]);
    const refused = await post('c');
    expect([refused.status, refused.json]).toMatchObject([
      429,
      { code: 'rate_limited', rateLimit: { limit: 'uploads', count: 2, windowSeconds: 3_600 } },
    ]);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(1_000);
    expect(spark.uploads.objects.size).toBe(2);
    expect((await post('c', tokens[1])).status).toBe(201);
  });

  it('given a batch, then each item has its own answer; refused as a whole it is 429', async () => {
    const inner = new FakeSubmitter();
    const limit = new RateLimit(parseRateLimits('session=1/h'), systemClock);
    const spark = await start({ submitter: new RateLimitedSubmitter(inner, limit) });
    const item = (sessionId: string) => ({ ...script(), sessionId });
    const mixed = await spark.call('POST', '/v1/commands', { body: [item('a'), item('a'), item('b')] });
    expect([mixed.status, mixed.json]).toMatchObject([
      202,
      [{ status: 'accepted' }, { code: 'rate_limited', status: 429 }, { status: 'accepted' }],
    ]);
    expect(inner.accepted.map(({ sessionId }) => sessionId)).toEqual(['a', 'b']);
    const whole = await spark.call('POST', '/v1/commands', { body: [item('a'), item('b')] });
    expect([whole.status, whole.json['code']]).toEqual([429, 'rate_limited']);
  });
});

const ITEM = { delivery: {} as never, index: 0, settle: () => undefined };

describe('whom the limit of an actor counts', () => {
  const limited = () => {
    const inner = new FakeSubmitter();
    const limit = new RateLimit(parseRateLimits('actor=2/h'), systemClock);
    return { inner, limit, submitter: new RateLimitedSubmitter(inner, limit) };
  };

  it('given names that a client makes up, then its token is counted; the names stay with the commands', async () => {
    const { inner, submitter } = limited();
    const spark = await start({ submitter, tokens: [grantOf('ann', TOKEN), grantOf('bob', READ_TOKEN)] });
    const post = async (actor: string, token: string) =>
      (await spark.call('POST', '/v1/commands', { body: { ...script(), actor }, token })).status;
    expect([await post('a', TOKEN), await post('b', TOKEN), await post('c', TOKEN)]).toEqual([202, 202, 429]);
    // Not even another's name spends what is another's.
    expect([await post('ann', READ_TOKEN), await post('d', READ_TOKEN), await post('e', READ_TOKEN)]).toEqual(
      [202, 202, 429],
    );
    expect(inner.accepted.map(({ actor }) => actor)).toEqual(['a', 'b', 'ann', 'd']);
    expect(inner.accepted.some((request) => 'credential' in request)).toBe(false);
  });

  it('given a flood over NATS, by submit and by publish, then it is one actor, and no token of HTTP feels it', async () => {
    const { limit, submitter } = limited();
    const request = (actor: string) => ({ ...aRequest(), actor });
    expect((await submitter.submit([request('http/ann')]))[0]?.kind).toBe('accepted');
    const published = (actor: string) =>
      heldBack(newTask({ ...aCommand(), actor }, { kind: 'stream', item: ITEM }, undefined), limit);
    expect([published('ann'), published('ann')?.kind]).toEqual([undefined, 'retry']);
    expect((await submitter.submit([request('x')]))[0]?.kind).toBe('rate_limited');
    const ann = { ...request('ann'), credential: 'ann' };
    expect((await submitter.submit([ann]))[0]?.kind).toBe('accepted');
  });
});

describe('POST /v1/commands/{id}/cancel', () => {
  let spark: Harness;
  beforeAll(async () => {
    spark = await start();
  });
  afterEach(() => {
    spark.cancels.failing = false;
    spark.cancels.requests.length = 0;
  });
  let sent = 0;
  const accepted = async (): Promise<string> => {
    const reply = await spark.call('POST', '/v1/commands', {
      body: { ...script(), sessionId: `s${++sent}` },
    });
    return String(reply.json['commandId']);
  };
  const knownAs = (commandId: string, state: 'started' | 'completed' | 'cancelled') =>
    spark.queries.known.set(commandId, { commandId, state, attempts: 1, outcome: null });
  const cancel = (commandId: string, over: object = {}) =>
    spark.call('POST', `/v1/commands/${commandId}/cancel`, { body: { reason: 'why' }, ...over });

  it('given a command that waits, then the wish is stored with who and why', async () => {
    const id = await accepted();
    const reply = await cancel(id);
    expect([reply.status, reply.json]).toEqual([
      202,
      { commandId: id, status: 'cancelling', state: 'accepted' },
    ]);
    expect(spark.cancels.requests).toEqual([
      { commandId: id, reason: 'why', actor: 'tester', at: expect.stringMatching(/Z$/) },
    ]);
    expect((await spark.call('POST', `/v1/commands/${id}/cancel`)).status).toBe(202);
  });

  it('given a change that has begun, then it says that it is too late', async () => {
    const id = await accepted();
    knownAs(id, 'started');
    expect((await cancel(id)).json).toMatchObject({ status: 'too_late', state: 'started' });
  });

  it('given a wish to wait, then it answers with the end', async () => {
    const id = await accepted();
    spark.feed.onWait = () => {
      knownAs(id, 'cancelled');
    };
    const reply = await cancel(id, { headers: { prefer: 'wait=1' } });
    spark.feed.onWait = undefined;
    expect([reply.status, reply.json]).toEqual([
      200,
      { commandId: id, status: 'cancelled', state: 'cancelled' },
    ]);
    expect(reply.headers['preference-applied']).toBe('wait');
  });

  it('given one that has ended, then it is 409 with its state; given an unknown one, 404', async () => {
    const id = await accepted();
    knownAs(id, 'completed');
    const ended = await cancel(id);
    expect([ended.status, ended.json]).toMatchObject([409, { code: 'already_ended', state: 'completed' }]);
    expect((await cancel('00000000-0000-8000-8000-000000000000')).status).toBe(404);
    expect((await cancel('nonsense')).status).toBe(404);
    expect(spark.cancels.requests).toEqual([]);
  });

  it('given a token without the scope of the command, then it is 403', async () => {
    const reply = await cancel(await accepted(), { token: READ_TOKEN });
    expect([reply.status, reply.json['code']]).toEqual([403, 'forbidden']);
    expect(reply.json['detail']).toContain('script:write');
  });

  it('given a command of several scopes, then a token that lacks one of them may not cancel it', async () => {
    const scriptsOnly = 'scripts-only-token-0123456789';
    const own = await start({
      tokens: [grantOf('tester', TOKEN), grantOf('scripts', scriptsOnly, ['read', 'script:write'])],
    });
    const body = { type: 'preset.apply', sessionId: 's', payload: { presetId: 'platformer-2d' } };
    const { json } = await own.call('POST', '/v1/commands', { body });
    const path = `/v1/commands/${String(json['commandId'])}/cancel`;
    const refused = await own.call('POST', path, { token: scriptsOnly });
    expect([refused.status, refused.json['detail']]).toEqual([
      403,
      expect.stringContaining('"asset:write" of preset.apply'),
    ]);
    expect((await own.call('POST', path)).status).toBe(202);
  });

  it('given a stream that does not answer, then it is 503 and nothing was cancelled', async () => {
    const id = await accepted();
    spark.cancels.failing = true;
    const reply = await cancel(id);
    expect([reply.status, reply.json['code']]).toEqual([503, 'unavailable']);
  });

  it('given a reason that is too long, then it is 422', async () => {
    expect((await cancel(await accepted(), { body: { reason: 'x'.repeat(501) } })).status).toBe(422);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { uuidFrom } from '../../src/core/ids.js';
import { type Harness, READ_TOKEN, startHarness } from '../support/httpHarness.js';

let spark: Harness;
beforeAll(async () => {
  spark = await startHarness();
});
afterAll(() => spark.server.stop());
beforeEach(() => {
  spark.queries.reconciles.length = 0;
  spark.queries.known.clear();
});

const id = uuidFrom('command', 1);
const word = { verdict: 'not_applied', text: 'the file is not there' };
const say = (body: unknown, headers: Record<string, string> = {}) =>
  spark.call('POST', `/v1/commands/${id}/reconcile`, { body, headers });

describe('POST /v1/commands/{id}/reconcile', () => {
  it("given an operator's word, then it goes to the worker with the token's name and comes back as stored", async () => {
    spark.queries.reconciled = { ok: true, eventId: 'e-1', timestamp: '2026-03-01T10:00:00.000Z' };
    const reply = await say(word);
    expect(reply.status).toBe(200);
    const [asked] = spark.queries.reconciles;
    expect(asked).toMatchObject({ commandId: id, ...word });
    expect(reply.json).toEqual({
      commandId: id,
      ...word,
      actor: asked?.actor,
      eventId: 'e-1',
      at: '2026-03-01T10:00:00.000Z',
    });
  });

  it.each([
    ['a verdict that is none', { ...word, verdict: 'maybe' }],
    ['no text', { ...word, text: ' ' }],
    ['a text of several lines', { ...word, text: 'a\nb' }],
    ['a text too long', { ...word, text: 'x'.repeat(1_001) }],
    ['an unknown field', { ...word, more: 1 }],
  ])('given %s, then it is 422 and no worker is asked', async (_, body) => {
    expect((await say(body)).status).toBe(422);
    expect(spark.queries.reconciles).toEqual([]);
  });

  it('given a token without the scope admin, then it is 403', async () => {
    expect((await say(word, { authorization: `Bearer ${READ_TOKEN}` })).status).toBe(403);
  });

  it.each([
    ['it has been reconciled', 'already_reconciled', 409, 'already_reconciled'],
    ['nobody knows the command', 'not_unknown', 404, 'not_found'],
    ['the worker owns nothing', 'no_worker', 503, 'workers_unavailable'],
  ])('given %s, then it says so', async (_, code, status, problem) => {
    spark.queries.reconciled = { ok: false, code, message: 'no' };
    const reply = await say(word);
    expect([reply.status, reply.json['code']]).toEqual([status, problem]);
  });

  it('given a command that ended otherwise, then it is 409', async () => {
    spark.queries.reconciled = { ok: false, code: 'not_unknown', message: 'no' };
    spark.queries.known.set(id, { commandId: id, state: 'completed', attempts: 1, outcome: null });
    const reply = await say(word);
    expect([reply.status, reply.json['code']]).toEqual([409, 'not_reconcilable']);
  });

  it('given no worker answers, then it is 503', async () => {
    spark.queries.reconciled = undefined;
    expect((await say(word)).status).toBe(503);
  });
});

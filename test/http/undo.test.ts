import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { uuidFrom } from '../../src/core/ids.js';
import { completedEvent, failedEvent } from '../support/httpFakes.js';
import { type Harness, READ_TOKEN, startHarness } from '../support/httpHarness.js';

let spark: Harness;
beforeAll(async () => {
  spark = await startHarness();
});
afterAll(async () => {
  await spark.server.stop();
});
afterEach(() => {
  spark.submitter.onAccepted = undefined;
  spark.feed.onWait = undefined;
  spark.queries.plan = undefined;
});

const operationId = uuidFrom('operation', 1);
const undo = (body: unknown, headers: Record<string, string> = {}) =>
  spark.call('POST', '/v1/sessions/s1/undo', { body, headers });
const ending = (outcome: 'conflict' | 'failed', code: string) => {
  spark.submitter.onAccepted = (commandId) => {
    spark.feed.onWait = () => spark.feed.append(failedEvent(commandId, 's1', outcome, code));
  };
};

describe('POST /v1/sessions/{id}/undo and /redo', () => {
  it.each(['undo', 'redo'])(
    'given %s without a body, then it becomes a command for the newest',
    async (direction) => {
      const reply = await spark.call('POST', `/v1/sessions/s1/${direction}`);
      expect(reply.status).toBe(202);
      expect(reply.headers['location']).toBe(`/v1/commands/${reply.json['commandId']}`);
      expect(spark.submitter.accepted.at(-1)).toMatchObject({
        type: `session.${direction}`,
        sessionId: 's1',
        editor: 'default',
        payload: {},
      });
    },
  );

  it('given an operation, an editor and a key, then they go with the command and a repeat is the same one', async () => {
    const body = { operationId, editor: 'left' };
    const first = await undo(body, { 'idempotency-key': 'u1' });
    const again = await undo(body, { 'idempotency-key': 'u1' });
    expect(spark.submitter.accepted.at(-1)).toMatchObject({ editor: 'left', payload: { operationId } });
    expect(again.json).toEqual({ ...first.json, duplicate: true });
    expect(again.headers['idempotency-replayed']).toBe('true');
  });

  it('given Prefer: wait and a success, then it is 200 with the outcome', async () => {
    spark.submitter.onAccepted = (commandId) => {
      spark.feed.onWait = () => spark.feed.append(completedEvent(commandId, 's1', { restored: true }));
    };
    const reply = await undo({}, { prefer: 'wait=5' });
    expect(reply.status).toBe(200);
    expect(reply.headers['preference-applied']).toBe('wait');
    expect(reply.json).toMatchObject({ status: 'completed', result: { restored: true } });
  });

  it('given Prefer: wait and a conflict, then it is 409 conflict', async () => {
    ending('conflict', 'file_changed');
    const reply = await undo({}, { prefer: 'wait=5' });
    expect([reply.status, reply.json['code']]).toEqual([409, 'conflict']);
  });

  it('given Prefer: wait and another failure, then it is 422 with its code', async () => {
    ending('failed', 'nothing_to_undo');
    const reply = await undo({}, { prefer: 'wait=5' });
    expect([reply.status, reply.json['code'], reply.json['type']]).toEqual([
      422,
      'nothing_to_undo',
      '/problems/nothing_to_undo',
    ]);
  });

  it.each([
    [{ to: 'yesterday' }, '/to'],
    [{ operationId: 'x' }, '/operationId'],
    [{ dryRun: 'yes' }, '/dryRun'],
  ])('given %o, then it is 422', async (body, pointer) => {
    const reply = await undo(body);
    expect(reply.status).toBe(422);
    expect((reply.json['errors'] as { pointer: string }[])[0]?.pointer).toBe(pointer);
  });

  it('given malformed JSON, another type or too much, then it is 400, 415, 413', async () => {
    const raw = (text: string, headers = {}) =>
      spark.call('POST', '/v1/sessions/s1/undo', { raw: text, headers });
    expect((await raw('{')).json).toMatchObject({ status: 400, code: 'malformed_json' });
    expect((await raw('{"__proto__":1}')).status).toBe(400);
    expect((await raw('a=b', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415);
    expect((await raw('{}', { 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await raw(`"${'x'.repeat(1_000_000)}"`)).json).toMatchObject({
      status: 413,
      code: 'payload_too_large',
    });
  });

  it('given a token that may only read, then it is 403 and nothing is stored', async () => {
    const before = spark.submitter.accepted.length;
    const reply = await spark.call('POST', '/v1/sessions/s1/undo', { body: {}, token: READ_TOKEN });
    expect([reply.status, reply.json['code']]).toEqual([403, 'forbidden']);
    expect(spark.submitter.accepted.length).toBe(before);
  });
});

describe('dryRun', () => {
  it('given a plan, then it is 200 with the diff, and nothing is stored', async () => {
    const before = spark.submitter.accepted.length;
    spark.queries.plan = {
      ok: true,
      operationId,
      editor: 'left',
      path: 'Assets/A.cs',
      diff: '--- a\n+++ b\n',
    };
    const reply = await undo({ dryRun: true, operationId });
    expect(reply.status).toBe(200);
    expect(reply.json).toEqual(spark.queries.plan);
    expect(spark.queries.planned.at(-1)).toEqual({ sessionId: 's1', direction: 'undo', operationId });
    expect(spark.submitter.accepted.length).toBe(before);
  });

  it.each([
    ['conflict', 409, 'conflict'],
    ['nothing_to_undo', 422, 'nothing_to_undo'],
    ['unknown_operation', 422, 'unknown_operation'],
    ['editor_away', 503, 'editor_away'],
  ])('given that it cannot be (%s), then it is %i', async (code, status, shown) => {
    spark.queries.plan = { ok: false, code, message: 'no' };
    const reply = await undo({ dryRun: true });
    expect([reply.status, reply.json['code']]).toEqual([status, shown]);
  });

  it('given no worker that answers, then it is 503 and may be tried again', async () => {
    const reply = await undo({ dryRun: true });
    expect(reply.json).toMatchObject({ status: 503, code: 'workers_unavailable', retryable: true });
  });
});

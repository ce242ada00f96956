import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/commands/limits.js';
import { sha256, uuidFrom } from '../../src/core/ids.js';
import { grantOf } from '../../src/http/auth.js';
import { HTTP_LIMITS } from '../../src/http/limits.js';
import { commandRow, completedEvent, failedEvent } from '../support/httpFakes.js';
import { type Harness, READ_TOKEN, startHarness, TOKEN } from '../support/httpHarness.js';
import { operationRow } from '../support/operationFakes.js';

const UNDO_ONLY = 'undo-only-token-0123456789';
const UNDO_AND_SCRIPTS = 'undo-and-scripts-token-0123456789';
let spark: Harness;
beforeAll(async () => {
  spark = await startHarness({
    tokens: [
      grantOf('tester', TOKEN),
      grantOf('reader', READ_TOKEN, ['read']),
      grantOf('undoer', UNDO_ONLY, ['read', 'undo']),
      grantOf('writer', UNDO_AND_SCRIPTS, ['read', 'undo', 'script:write']),
    ],
  });
});
afterAll(async () => {
  await spark.server.stop();
});
afterEach(() => {
  spark.submitter.onAccepted = undefined;
  spark.feed.onWait = undefined;
  spark.queries.plan = undefined;
  spark.reads.operations.length = 0;
});

const operationId = uuidFrom('operation', 1);
const rollback = (body: unknown, headers: Record<string, string> = {}) =>
  spark.call('POST', '/v1/sessions/s1/rollback', { body, headers });

describe('POST /v1/sessions/{id}/rollback', () => {
  it.each([
    ['an operation', { operationId }, operationId],
    ['an operation as to', { to: operationId }, operationId],
    ['a moment', { to: '2030-01-01T00:00:00Z' }, '2030-01-01T00:00:00Z'],
  ])('given %s, then it becomes the command', async (_what, body, to) => {
    const reply = await rollback(body, { 'idempotency-key': `r-${_what.length}` });
    expect(reply.status).toBe(202);
    expect(spark.submitter.accepted.at(-1)).toMatchObject({ type: 'session.rollback', payload: { to } });
  });

  it.each([
    ['neither', {}],
    ['both', { operationId, to: '2030-01-01T00:00:00Z' }],
    ['no moment', { to: 'yesterday' }],
  ])('given %s, then it is 422 and says what to send', async (_what, body) => {
    const reply = await rollback(body);
    expect(reply.status).toBe(422);
    expect((reply.json['errors'] as { pointer: string }[])[0]?.pointer).toBe('/to');
  });

  it('given Prefer: wait, then it is 200 with the outcome, or 409 with the conflict', async () => {
    spark.submitter.onAccepted = (commandId) => {
      spark.feed.onWait = () => spark.feed.append(completedEvent(commandId, 's1', { operations: 3 }));
    };
    expect((await rollback({ operationId }, { prefer: 'wait=5' })).json).toMatchObject({
      status: 'completed',
      result: { operations: 3 },
    });
    spark.submitter.onAccepted = (commandId) => {
      spark.feed.onWait = () => spark.feed.append(failedEvent(commandId, 's1', 'conflict', 'conflict'));
    };
    const conflict = await rollback({ operationId }, { prefer: 'wait=5' });
    expect([conflict.status, conflict.json['code']]).toEqual([409, 'conflict']);
  });

  it('given a dry run, then it answers the plan and stores nothing', async () => {
    spark.queries.plan = { ok: true, operations: 2, filesTotal: 1, files: [], diff: '--- a' };
    const before = spark.submitter.accepted.length;
    const reply = await rollback({ to: operationId, dryRun: true });
    expect([reply.status, reply.json]).toEqual([200, spark.queries.plan]);
    expect(spark.queries.planned.at(-1)).toEqual({ sessionId: 's1', direction: 'rollback', to: operationId });
    expect(spark.submitter.accepted).toHaveLength(before);
    spark.queries.plan = { ok: false, code: 'conflict', message: 'changed' };
    expect((await rollback({ to: operationId, dryRun: true })).status).toBe(409);
  });

  it('given a token that may only read, then it is 403', async () => {
    const reply = await spark.call('POST', '/v1/sessions/s1/rollback', {
      body: { operationId },
      token: READ_TOKEN,
    });
    expect(reply.status).toBe(403);
  });
});

describe('GET /v1/operations and /v1/sessions/{id}/operations', () => {
  const get = (path: string) => spark.call('GET', path);

  it('given filters, then they reach the read model', async () => {
    const query =
      'path=Assets/Game/*&tool=unity.apply_patch&editor=left&state=undone&since=2030-01-01T00:00:00Z&until=2030-01-02T00:00:00Z&cursor=7.1&limit=5';
    await get(`/v1/operations?session=s9&${query}`);
    expect(spark.reads.filters.at(-1)).toEqual({
      sessionId: 's9',
      path: 'Assets/Game/*',
      tool: 'unity.apply_patch',
      editor: 'left',
      state: 'undone',
      since: '2030-01-01T00:00:00Z',
      until: '2030-01-02T00:00:00Z',
      before: { seq: 7, ordinal: 1 },
      limit: 5,
    });
  });

  it('given more than fit, then the cursor goes on behind the last', async () => {
    spark.reads.operations.push(operationRow(3), operationRow(2), operationRow(1));
    const first = await get('/v1/sessions/s1/operations?limit=2');
    expect(first.json['nextCursor']).toBe('2.0');
    const rest = await get(`/v1/sessions/s1/operations?limit=2&cursor=${String(first.json['nextCursor'])}`);
    expect(rest.json).toMatchObject({
      items: [{ operationId: operationRow(1).operationId }],
      nextCursor: null,
    });
    expect((await get('/v1/operations?cursor=nonsense')).status).toBe(422);
  });

  it('given an operation, then its diff is shown to whoever may undo, and to no reader', async () => {
    const row = operationRow(1);
    spark.reads.operations.push(row);
    spark.images.stored.set(row.afterSha256 ?? '', Buffer.from('text 1'));
    const reply = await get(`/v1/operations/${row.operationId}/diff`);
    expect(reply.json).toMatchObject({
      path: row.path,
      diff: expect.stringContaining('+text 1'),
      cut: false,
    });
    expect((await get(`/v1/operations/${uuidFrom('nobody')}/diff`)).status).toBe(404);
    const reader = await spark.call('GET', `/v1/operations/${row.operationId}/diff`, { token: READ_TOKEN });
    expect(reader.status).toBe(403);
  });
});

describe('export and import', () => {
  const unitId = uuidFrom('unit', 1);
  const stored = (...numbers: number[]) => {
    for (const n of numbers) spark.images.stored.set(sha256(`text ${n}`), Buffer.from(`text ${n}`));
  };
  const exported = (query = '') => spark.call('GET', `/v1/sessions/s1/operations/export${query}`);
  const imported = (body: unknown, headers: Record<string, string> = {}) =>
    spark.call('POST', '/v1/sessions/s2/operations/import', { body, headers });

  it('given operations, then the document has them oldest first with their bytes, and can be imported as it is', async () => {
    stored(1, 2);
    spark.reads.commands.set(uuidFrom('redo'), { ...commandRow(uuidFrom('redo')), type: 'session.redo' });
    spark.reads.operations.push(
      operationRow(2, { unitId }),
      operationRow(1, { state: 'conflict', stateCommandId: uuidFrom('redo') }),
    );
    const { json, text } = await exported();
    expect(json).toMatchObject({
      version: 1,
      session: 's1',
      cut: null,
      operations: [
        { operationId: operationRow(1).operationId, state: 'undone' },
        { unitId, state: 'applied' },
      ],
      images: { [sha256('text 1')]: Buffer.from('text 1').toString('base64') },
    });
    spark.images.stored.clear();
    const reply = await imported(JSON.parse(text), { 'idempotency-key': 'i1' });
    expect(reply.status).toBe(202);
    expect(spark.images.stored.get(sha256('text 2'))).toEqual(Buffer.from('text 2'));
    expect(spark.submitter.accepted.at(-1)).toMatchObject({
      type: 'session.import',
      sessionId: 's2',
      payload: { operations: json['operations'] },
    });
  });

  it('given more than are asked for, then whole units are left out, and it says so', async () => {
    stored(1, 2, 3);
    spark.reads.operations.push(operationRow(3), operationRow(2, { unitId }), operationRow(1, { unitId }));
    const { json } = await exported('?limit=2');
    expect(json['operations']).toMatchObject([{ operationId: operationRow(3).operationId }]);
    expect(json['cut']).toContain('newest 1');
    expect((await spark.call('GET', '/v1/sessions/nobody/operations/export')).status).toBe(404);
  });

  it('given an image that is not what its name says, then nothing is stored and no command is submitted', async () => {
    stored(1);
    spark.reads.operations.push(operationRow(1));
    const document = (await exported()).json;
    spark.images.stored.clear();
    const before = spark.submitter.accepted.length;
    const forged = { ...document, images: { [sha256('text 1')]: Buffer.from('forged').toString('base64') } };
    const reply = await imported(forged);
    expect([reply.status, reply.json['code']]).toEqual([422, 'schema_violation']);
    expect(spark.images.stored.size).toBe(0);
    expect(spark.submitter.accepted).toHaveLength(before);
  });

  it.each([
    ['script:write', UNDO_ONLY],
    ['asset:write', UNDO_AND_SCRIPTS],
  ])('given a token that may undo but lacks %s, then it may import by neither door', async (scope, token) => {
    stored(1);
    spark.reads.operations.push(operationRow(1, { state: 'undone' }));
    const document = (await exported()).json;
    spark.images.stored.clear();
    const before = spark.submitter.accepted.length;
    const payload = { operations: document['operations'] };
    for (const [path, body] of [
      ['/v1/sessions/s2/operations/import', document],
      ['/v1/commands', { type: 'session.import', sessionId: 's2', payload }],
    ] as const) {
      const reply = await spark.call('POST', path, { body, token });
      expect([reply.status, reply.json['code']]).toEqual([403, 'forbidden']);
      expect(reply.json['detail']).toContain(`"${scope}"`);
    }
    expect(spark.submitter.accepted).toHaveLength(before);
    expect(spark.images.stored.size).toBe(0);
  });

  it('given a path of a kind that SPARK does not write, then it is 422 and points to it', async () => {
    stored(1);
    spark.reads.operations.push(operationRow(1, { path: 'Assets/Plugins/evil.dll' }));
    const document = (await exported()).json;
    const pointers = async (path: string, body: unknown) => {
      const reply = await spark.call('POST', path, { body });
      return [reply.status, ...(reply.json['errors'] as { pointer: string }[]).map(({ pointer }) => pointer)];
    };
    expect(await pointers('/v1/sessions/s2/operations/import', document)).toEqual([
      422,
      '/operations/0/path',
    ]);
    const payload = { operations: document['operations'] };
    expect(await pointers('/v1/commands', { type: 'session.import', sessionId: 's2', payload })).toEqual([
      422,
      '/payload/operations/0/path',
    ]);
  });

  it('given a body above the limit of other routes, then it is taken; one with a wrong path is refused', async () => {
    stored(1);
    const big = Buffer.alloc(LIMITS.rawRequestBytes * 2, 7);
    const image = { sha256: sha256(big), bytes: big.byteLength, meta: null };
    spark.images.stored.set(image.sha256, big);
    spark.reads.operations.push(operationRow(1, { afterSha256: image.sha256, after: image }));
    const document = (await exported()).json;
    expect((await imported(document)).status).toBe(202);
    const [operation] = document['operations'] as object[];
    const outside = { ...document, operations: [{ ...operation, path: '../outside.cs' }] };
    expect((await imported(outside)).status).toBe(422);
    expect(HTTP_LIMITS.importBodyBytes).toBeGreaterThan((HTTP_LIMITS.exportImageBytes * 4) / 3);
  });
});

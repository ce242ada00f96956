import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { uuidFrom } from '../../src/core/ids.js';
import { grantOf } from '../../src/http/auth.js';
import type { DeadLetterRow } from '../../src/http/readPort.js';
import { type Harness, READ_TOKEN, startHarness, TOKEN } from '../support/httpHarness.js';

const NO_EXEC = 'ops-without-exec-0123456789';
let spark: Harness;
beforeAll(async () => {
  spark = await startHarness({
    tokens: [
      grantOf('tester', TOKEN),
      grantOf('reader', READ_TOKEN, ['read']),
      grantOf('ops', NO_EXEC, ['read', 'admin', 'script:write']),
    ],
  });
});
afterAll(async () => {
  await spark.server.stop();
});
beforeEach(() => {
  spark.reads.letters.length = 0;
  spark.reads.letterActions.clear();
  spark.deadLetterActions.appended.length = 0;
  spark.deadLetterActions.onAppend = undefined;
  spark.submitter.answer = undefined;
});

let next = 0;
const ORIGINAL = uuidFrom('original');
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
function letter(over: Partial<DeadLetterRow> = {}): DeadLetterRow {
  const path = `Assets/L${++next}.cs`;
  const row: DeadLetterRow = {
    id: String(next),
    source: 'stream',
    ts: new Date(1_772_359_200_000 + next).toISOString(),
    reason: 'attempts_exhausted',
    attempts: 6,
    lastError: 'connection lost',
    originalSubject: 'spark.commands.studio.unity.delete_script.s1',
    type: 'unity.delete_script',
    commandId: ORIGINAL,
    sessionId: 's1',
    editor: 'studio',
    body: JSON.stringify({ path }),
    bodyEncoding: 'utf8',
    bodyTruncated: false,
    headers: {
      'spark-correlation-id': 'story',
      'Spark-Priority': '7',
      'Spark-Deadline': '2020-01-01T00:00:00Z',
      traceparent: TRACE,
    },
    stream: { seq: 40 + next, index: 0 },
    state: 'open',
    actedBy: null,
    redrives: 0,
    redrivenAt: null,
    redrivenAs: null,
    droppedAt: null,
    ...over,
  };
  spark.reads.letters.push(row);
  return row;
}

const redrive = (id: string, body: unknown = {}, token = TOKEN) =>
  spark.call('POST', `/v1/dead-letters/${id}/redrive`, { body, token });

describe('GET /v1/dead-letters', () => {
  it('given filters and a full page, then they are passed on, with a cursor to the next page', async () => {
    const [first, second] = [letter(), letter()];
    const page = await spark.call('GET', '/v1/dead-letters?limit=2&state=open&reason=attempts_exhausted');
    expect(page.json['items']).toEqual([first, second]);
    const cursor = String(page.json['nextCursor']);
    await spark.call('GET', `/v1/dead-letters?cursor=${cursor}&type=unity.delete_script`);
    expect(spark.reads.filters.at(-1)).toMatchObject({
      type: 'unity.delete_script',
      after: { ts: second.ts, source: 'stream', id: second.id },
    });
    expect((await spark.call('GET', '/v1/dead-letters?limit=3')).json['nextCursor']).toBeNull();
  });

  it.each(['cursor=nonsense', 'since=yesterday', 'state=lost', 'colour=red'])(
    'given %s, then it is 422 with a pointer',
    async (query) => {
      const reply = await spark.call('GET', `/v1/dead-letters?${query}`);
      expect(reply.status).toBe(422);
      expect((reply.json['errors'] as { pointer: string }[])[0]?.pointer).toBe(
        `/query/${query.split('=')[0]}`,
      );
    },
  );
});

describe('GET /v1/dead-letters/{id}', () => {
  it('given a letter, then it says where it came from, what it asked for and what was done', async () => {
    const { id } = letter();
    const action = { at: '2026-03-02T00:00:00.000Z', actor: 'ops', commandId: ORIGINAL, redrive: 1 };
    spark.reads.letterActions.set(id, [{ ...action, action: 'redriven', payloadSha: 'ab' }]);
    const { json } = await spark.call('GET', `/v1/dead-letters/${id}`);
    expect(json).toMatchObject({
      id,
      payload: { path: `Assets/L${id}.cs` },
      payloadProblem: null,
      correlationId: 'story',
      traceparent: TRACE,
      traceId: '0af7651916cd43dd8448eb211c80319c',
      actions: [{ ...action, action: 'redriven' }],
      links: { command: `/v1/commands/${ORIGINAL}`, events: '/v1/sessions/s1/events', redrivenAs: null },
    });
  });

  it.each(['4711', 'x', '-1', 'event-x'])('given the id %s, which is none, then it is 404', async (id) => {
    expect((await spark.call('GET', `/v1/dead-letters/${id}`)).status).toBe(404);
  });
});

describe('POST /v1/dead-letters/{id}/redrive', () => {
  it('given a letter, then a new command asks for the same, caused by the original, and only then it is noted', async () => {
    const { id, ts } = letter();
    let storedBefore = 0;
    spark.deadLetterActions.onAppend = () => {
      storedBefore = spark.submitter.accepted.length;
    };
    const before = spark.submitter.accepted.length;
    const reply = await redrive(id);
    expect(reply.status).toBe(202);
    expect(reply.headers['location']).toBe(`/v1/commands/${String(reply.json['commandId'])}`);
    const request = spark.submitter.accepted.at(-1);
    expect(request).toMatchObject({
      type: 'unity.delete_script',
      sessionId: 's1',
      editor: 'studio',
      payload: { path: `Assets/L${id}.cs` },
      idempotencyKey: `redrive-${uuidFrom('redrive', id, ts, 1)}`,
      causationId: ORIGINAL,
      correlationId: 'story',
      priority: 7,
      deadline: null,
      actor: 'tester',
    });
    expect(storedBefore).toBe(before + 1);
    expect(spark.deadLetterActions.appended).toEqual([
      expect.objectContaining({
        action: 'redriven',
        letterId: Number(id),
        actor: 'tester',
        newCommandId: reply.json['commandId'],
        redrive: 1,
      }),
    ]);
  });

  it('given the same request before and after the read model knows, then it is the same command', async () => {
    const row = letter();
    const first = await redrive(row.id);
    const second = await redrive(row.id);
    expect(second.json).toMatchObject({ commandId: first.json['commandId'], duplicate: true });
    const [action] = spark.deadLetterActions.appended;
    spark.reads.letters.splice(0, 1, { ...row, state: 'redriven', redrives: 1 });
    spark.reads.letterActions.set(row.id, [
      {
        at: row.ts,
        action: 'redriven',
        actor: 'tester',
        commandId: action?.newCommandId ?? null,
        redrive: 1,
        payloadSha: action?.payloadSha ?? null,
      },
    ]);
    const stored = spark.submitter.accepted.length;
    const third = await redrive(row.id);
    expect(third.json).toMatchObject({ commandId: first.json['commandId'], duplicate: true, redrive: 1 });
    const other = await redrive(row.id, { payload: { path: 'Assets/Other.cs' } });
    expect([other.status, other.json['code']]).toEqual([409, 'dead_letter_closed']);
    expect(spark.submitter.accepted).toHaveLength(stored);
    const again = await redrive(row.id, { redrive: 2 });
    expect(again.json).toMatchObject({ duplicate: false, redrive: 2 });
    expect(again.json['commandId']).not.toBe(first.json['commandId']);
    expect((await redrive(row.id, { redrive: 4 })).status).toBe(422);
  });

  it.each([
    ['a body that is no JSON', { body: '{', reason: 'malformed_json' }, 'give a corrected "payload"'],
    ['a body cut short', { bodyTruncated: true }, 'longer than a dead letter keeps'],
    [
      'a subject without a session',
      { originalSubject: 'spark.commands.x.unity.delete_script' },
      '"sessionId"',
    ],
    ['an event of the log', { source: 'projector', id: 'event-7' } as const, 'not a command'],
  ])('given %s, then it is 409 and says why', async (_, over, why) => {
    const { id } = letter(over);
    const reply = await redrive(id);
    expect([reply.status, reply.json['code']]).toEqual([409, 'not_redrivable']);
    expect(reply.json['detail']).toContain(why);
    expect(spark.deadLetterActions.appended).toEqual([]);
  });

  it('given corrections, then they stand in for what could not be read', async () => {
    const { id } = letter({
      body: 'AAH/',
      bodyEncoding: 'base64',
      originalSubject: 'spark.commands.?',
      headers: {},
    });
    const corrected = {
      type: 'unity.delete_script',
      sessionId: 's9',
      editor: 'left',
      payload: { path: 'Assets/C.cs' },
    };
    expect((await redrive(id, corrected)).status).toBe(202);
    expect(spark.submitter.accepted.at(-1)).toMatchObject({ ...corrected, correlationId: ORIGINAL });
  });

  it('given an item of an envelope, then that item is redriven', async () => {
    const item = { editor: 'default', correlationId: 'c', priority: 2, traceparent: TRACE };
    const items = ['A', 'B'].map((name) => ({
      ...item,
      type: 'unity.delete_script',
      sessionId: `s-${name}`,
      payload: { path: `Assets/${name}.cs` },
    }));
    const { id } = letter({
      originalSubject: 'spark.command-envelopes.3',
      body: JSON.stringify({ v: 1, items }),
      headers: {},
      stream: { seq: 9, index: 1 },
    });
    expect((await redrive(id)).status).toBe(202);
    expect(spark.submitter.accepted.at(-1)).toMatchObject({
      sessionId: 's-B',
      payload: { path: 'Assets/B.cs' },
      correlationId: 'c',
      priority: 2,
    });
  });

  it('given a payload its command refuses, then the refusal is answered', async () => {
    const { id } = letter({ body: '{"path":"../x.cs"}' });
    const reply = await redrive(id);
    expect([reply.status, reply.json['code']]).toEqual([422, 'schema_violation']);
  });

  it('given a call_tool, then it needs the scope exec beside admin', async () => {
    const { id } = letter({
      originalSubject: 'spark.commands.default.unity.call_tool.s1',
      body: '{"tool":"manage_editor","arguments":{}}',
    });
    const reply = await redrive(id, {}, NO_EXEC);
    expect([reply.status, reply.json['detail']]).toEqual([403, expect.stringContaining('"exec"')]);
  });

  it('given a preset, then it needs each of its scopes beside admin', async () => {
    const { id } = letter({
      originalSubject: 'spark.commands.default.preset.apply.s1',
      body: '{"presetId":"visual-novel"}',
    });
    const reply = await redrive(id, {}, NO_EXEC);
    expect([reply.status, reply.json['detail']]).toEqual([403, expect.stringContaining('"asset:write"')]);
  });

  it('given a dropped letter, then it is taken up only by who says which redrive it is', async () => {
    const { id } = letter({ state: 'dropped', actedBy: 'ops', droppedAt: '2026-03-02T00:00:00.000Z' });
    const reply = await redrive(id);
    expect([reply.status, reply.json['code']]).toEqual([409, 'dead_letter_closed']);
    expect((await redrive(id, { redrive: 1 })).status).toBe(202);
  });

  it('given a stream that is full, then it is 429 and nothing is noted', async () => {
    spark.submitter.answer = () => ({
      kind: 'saturated',
      retryAfterMs: 50,
      queuePosition: 3,
      reason: 'full',
    });
    expect((await redrive(letter().id)).status).toBe(429);
    expect(spark.deadLetterActions.appended).toEqual([]);
  });
});

describe('POST /v1/dead-letters/redrive', () => {
  const matching = (body: object, token = TOKEN) =>
    spark.call('POST', '/v1/dead-letters/redrive', { body, token });
  const linesOf = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it('given letters, then each is told as it goes, at the pace asked for, and what cannot is told too', async () => {
    const rows = [letter(), letter({ body: '{' }), letter(), letter({ state: 'dropped' })];
    const beganMs = performance.now();
    const reply = await matching({ filter: { sessionId: 's1' }, ratePerSecond: 20 });
    expect(performance.now() - beganMs).toBeGreaterThan(95);
    expect(reply.headers['content-type']).toBe('application/x-ndjson');
    expect(linesOf(reply.text)).toMatchObject([
      { id: rows[0]?.id, outcome: 'redriven', duplicate: false },
      { id: rows[1]?.id, outcome: 'refused', code: 'not_redrivable' },
      { id: rows[2]?.id, outcome: 'redriven' },
      { done: true, matched: 3, redriven: 2, refused: 1, stopped: null },
    ]);
    expect(spark.reads.filters.at(-1)).toMatchObject({ state: 'open', source: 'stream', oldestFirst: true });
    expect(spark.deadLetterActions.appended.map(({ letterId }) => letterId)).toEqual([
      Number(rows[0]?.id),
      Number(rows[2]?.id),
    ]);
  });

  it('given a stream that is full for a moment, then it waits and goes on', async () => {
    letter();
    let refusals = 2;
    spark.submitter.answer = () =>
      refusals-- > 0 ? { kind: 'saturated', retryAfterMs: 5, queuePosition: 1, reason: 'full' } : undefined;
    const reply = await matching({ filter: {} });
    expect(linesOf(reply.text).at(-1)).toMatchObject({ redriven: 1, stopped: null });
  });

  it('given a dry run, then nothing is done and everything is said', async () => {
    letter();
    letter({ bodyTruncated: true });
    const reply = await matching({ filter: {}, dryRun: true });
    expect(reply.json).toMatchObject({
      matched: 2,
      items: [{ problem: null }, { problem: expect.stringContaining('longer') }],
    });
    expect(spark.deadLetterActions.appended).toEqual([]);
  });

  it('given a pace that takes longer than a request may, or no filter, then it is 422', async () => {
    expect((await matching({ filter: {}, ratePerSecond: 0.1, limit: 1_000 })).status).toBe(422);
    expect((await matching({})).json['errors']).toEqual([{ pointer: '/filter', message: 'is required' }]);
  });
});

describe('dropping', () => {
  it('given a letter, then it is noted once; twice is harmless; a redriven one is 409', async () => {
    const open = letter();
    const drop = (id: string) => spark.call('DELETE', `/v1/dead-letters/${id}`);
    expect((await drop(open.id)).json).toEqual({ id: open.id, state: 'dropped', duplicate: false });
    const gone = letter({ state: 'dropped' });
    expect((await drop(gone.id)).json).toMatchObject({ duplicate: true });
    expect((await drop(letter({ state: 'redriven' }).id)).status).toBe(409);
    expect((await drop(letter({ source: 'projector', id: 'event-9' }).id)).status).toBe(409);
    expect(spark.deadLetterActions.appended).toEqual([
      { action: 'dropped', letterId: Number(open.id), actor: 'tester' },
    ]);
  });

  it('given a filter, then all that match are dropped, or only counted', async () => {
    const ids = [letter().id, letter().id];
    const drop = (dryRun: boolean) =>
      spark.call('POST', '/v1/dead-letters/drop', { body: { filter: {}, dryRun } });
    expect((await drop(true)).json).toEqual({ matched: 2, dropped: [] });
    expect((await drop(false)).json).toEqual({ matched: 2, dropped: ids });
    expect(spark.deadLetterActions.appended).toHaveLength(2);
  });

  it.each([
    ['POST', '/v1/dead-letters/1/redrive'],
    ['POST', '/v1/dead-letters/redrive'],
    ['DELETE', '/v1/dead-letters/1'],
    ['POST', '/v1/dead-letters/drop'],
  ])('given a reader, then %s %s is 403', async (method, path) => {
    letter({ id: '1' });
    const body = method === 'POST' ? { body: { filter: {} } } : {};
    expect((await spark.call(method, path, { ...body, token: READ_TOKEN })).status).toBe(403);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { uuidFrom } from '../../src/core/ids.js';
import { commandView } from '../../src/http/commandView.js';
import { commandRow, completedEvent } from '../support/httpFakes.js';
import { type Harness, script, startHarness } from '../support/httpHarness.js';
import { operationRow } from '../support/operationFakes.js';

let spark: Harness;
beforeAll(async () => {
  spark = await startHarness();
});
afterAll(async () => {
  await spark.server.stop();
});
afterEach(() => {
  spark.reads.down = false;
  spark.feed.onWait = undefined;
});

const id = (name: string) => uuidFrom('test', name);
const get = (path: string, headers: Record<string, string> = {}) => spark.call('GET', path, { headers });

describe('GET /v1/commands/{id}', () => {
  it('given a command that the read model has finished, then its outcome comes from there', async () => {
    spark.reads.commands.set(id('done'), commandRow(id('done')));
    const reply = await get(`/v1/commands/${id('done')}`);
    expect(reply.status).toBe(200);
    expect(reply.json).toMatchObject({
      commandId: id('done'),
      status: 'completed',
      state: 'completed',
      sessionId: 's1',
      result: { sha256: 'ab' },
      source: 'replica',
    });
    expect(commandView.parse(reply.json)).toEqual(reply.json);
  });

  it('given a failure, then its code and message stand in error', async () => {
    const row = commandRow(id('bad'), {
      state: 'conflict',
      errorCode: 'file_changed',
      result: { message: 'changed by somebody', currentSha256: 'cd' },
    });
    spark.reads.commands.set(id('bad'), row);
    const { json } = await get(`/v1/commands/${id('bad')}`);
    expect(json).toMatchObject({
      status: 'conflict',
      error: { code: 'file_changed', message: 'changed by somebody', currentSha256: 'cd' },
    });
    expect(json['result']).toBeUndefined();
  });

  it('given a read model behind the worker, then the more advanced state is shown with what the row knows', async () => {
    spark.reads.commands.set(id('behind'), commandRow(id('behind'), { state: 'started', result: null }));
    spark.queries.known.set(id('behind'), {
      commandId: id('behind'),
      state: 'completed',
      attempts: 2,
      outcome: { result: { ok: 1 } },
    });
    const { json } = await get(`/v1/commands/${id('behind')}`);
    expect(json).toMatchObject({
      status: 'completed',
      result: { ok: 1 },
      attempts: 2,
      actor: 'tester',
      source: 'worker',
    });
  });

  it('given an accept of a moment ago that nobody else has heard of, then it is accepted', async () => {
    const accepted = await spark.call('POST', '/v1/commands', { body: script() });
    const reply = await get(`/v1/commands/${accepted.json['commandId']}`);
    expect(reply.json).toMatchObject({ status: 'accepted', type: 'unity.generate_script', source: 'ingest' });
  });

  it('given Postgres away, then what workers and ingest know is still answered', async () => {
    const accepted = await spark.call('POST', '/v1/commands', { body: script() });
    spark.reads.down = true;
    expect((await get(`/v1/commands/${accepted.json['commandId']}`)).json['status']).toBe('accepted');
  });

  it('given Postgres away and a command nobody knows, then it is 503, not 404', async () => {
    spark.reads.down = true;
    const reply = await get(`/v1/commands/${id('nobody')}`);
    expect(reply.status).toBe(503);
    expect(reply.headers['retry-after']).toBe('1');
    expect(reply.json).toMatchObject({ code: 'read_models_unavailable', retryable: true });
    expect(reply.text).not.toContain('ECONNREFUSED');
  });

  it.each([id('missing'), 'not-a-uuid'])('given the unknown id %s, then it is 404', async (unknown) => {
    const reply = await get(`/v1/commands/${unknown}`);
    expect([reply.status, reply.json['code']]).toEqual([404, 'not_found']);
  });

  it('given its ETag, then it is 304 without a body until it changes', async () => {
    spark.reads.commands.set(id('tagged'), commandRow(id('tagged')));
    const first = await get(`/v1/commands/${id('tagged')}`);
    const etag = String(first.headers['etag']);
    const again = await get(`/v1/commands/${id('tagged')}`, { 'if-none-match': `"x", W/${etag}` });
    expect([again.status, again.text, again.headers['etag']]).toEqual([304, '', etag]);
    spark.reads.commands.set(id('tagged'), commandRow(id('tagged'), { attempts: 3 }));
    expect((await get(`/v1/commands/${id('tagged')}`, { 'if-none-match': etag })).status).toBe(200);
  });

  it('given Prefer: wait, then the answer comes with the outcome', async () => {
    const accepted = await spark.call('POST', '/v1/commands', { body: script() });
    const commandId = String(accepted.json['commandId']);
    spark.feed.onWait = () => spark.feed.append(completedEvent(commandId, 's1', { n: 1 }));
    const reply = await get(`/v1/commands/${commandId}`, { prefer: 'wait=5' });
    expect(reply.headers['preference-applied']).toBe('wait');
    expect(reply.json).toMatchObject({ status: 'completed', result: { n: 1 } });
  });
});

describe('lists', () => {
  it('given filters, then they reach the read model and the answer says how fresh it is', async () => {
    const reply = await get('/v1/commands?sessionId=s1&state=completed&editor=left&limit=7');
    expect(reply.status).toBe(200);
    expect(spark.reads.filters.at(-1)).toEqual({
      sessionId: 's1',
      state: 'completed',
      editor: 'left',
      limit: 7,
    });
    expect(reply.json['freshness']).toEqual({
      source: 'replica',
      appliedSeq: Number.MAX_SAFE_INTEGER,
      lagMs: 0,
    });
  });

  it.each([
    ['limit=0', '/query/limit'],
    ['limit=501', '/query/limit'],
    ['state=gone', '/query/state'],
    ['sessionId=a.b', '/query/sessionId'],
    ['color=red', '/query/color'],
  ])('given the query %s, then it is 422 with a pointer', async (query, pointer) => {
    const reply = await get(`/v1/commands?${query}`);
    expect(reply.status).toBe(422);
    expect((reply.json['errors'] as { pointer: string }[])[0]?.pointer).toBe(pointer);
  });

  it('given operations and dead letters, then they are listed', async () => {
    spark.reads.operations.push(operationRow(1));
    expect((await get('/v1/sessions/s1/operations')).json['items']).toMatchObject([
      { operationId: operationRow(1).operationId, unitId: null, path: 'Assets/A.cs', state: 'applied' },
    ]);
    expect((await get('/v1/sessions/other/operations')).json['items']).toEqual([]);
    expect((await get('/v1/dead-letters')).json).toMatchObject({ items: [] });
  });

  it('given Postgres away, then a list is 503 and says when to come back', async () => {
    spark.reads.down = true;
    for (const path of ['/v1/commands', '/v1/sessions/s1/operations', '/v1/dead-letters']) {
      const reply = await get(path);
      expect([reply.status, reply.json['code'], reply.headers['retry-after']]).toEqual([
        503,
        'read_models_unavailable',
        '1',
      ]);
    }
  });
});

describe('GET /v1/frames/{sha}', () => {
  const png = Buffer.from('89504e470d0a1a0a', 'hex');
  const sha = 'ab'.repeat(32);

  it('given a frame, then its bytes come as a picture that never changes', async () => {
    spark.reads.frames.set(sha, { bytes: png, mime: 'image/png' });
    const reply = await get(`/v1/frames/${sha}`);
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({
      'content-type': 'image/png',
      'cache-control': 'private, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
      'content-length': '8',
      etag: `"${sha}"`,
    });
    expect((await get(`/v1/frames/${sha}`, { 'if-none-match': `"${sha}"` })).status).toBe(304);
  });

  it('given bytes of another kind, then they are only a download', async () => {
    spark.reads.frames.set('cd'.repeat(32), { bytes: Buffer.from('<script>'), mime: 'text/html' });
    const { headers } = await get(`/v1/frames/${'cd'.repeat(32)}`);
    expect(headers['content-type']).toBe('application/octet-stream');
    expect(headers['content-disposition']).toBe('attachment');
  });

  it.each(['ef'.repeat(32), 'zz', '..%2f..%2fetc'])(
    'given %s, which is none, then it is 404',
    async (none) => {
      expect((await get(`/v1/frames/${none}`)).status).toBe(404);
    },
  );
});

describe('what is not there', () => {
  it('given an unknown path or a later route, then it is a 404 problem', async () => {
    for (const [method, path] of [['GET', '/v1/nothing']] as const) {
      const reply = await spark.call(method, path);
      expect([reply.status, reply.json['code']]).toEqual([404, 'not_found']);
      expect(reply.headers['content-type']).toContain('application/problem+json');
    }
  });
});

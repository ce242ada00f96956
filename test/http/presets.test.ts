import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { grantOf } from '../../src/http/auth.js';
import { completedEvent, failedEvent } from '../support/httpFakes.js';
import { type Harness, READ_TOKEN, startHarness, TOKEN } from '../support/httpHarness.js';

const SCRIPTS_ONLY = 'scripts-only-token-0123456789';
let spark: Harness;
beforeAll(async () => {
  spark = await startHarness({
    tokens: [
      grantOf('tester', TOKEN),
      grantOf('reader', READ_TOKEN, ['read']),
      grantOf('scripts', SCRIPTS_ONLY, ['read', 'script:write']),
    ],
  });
});
afterAll(() => spark.server.stop());
afterEach(() => {
  spark.submitter.onAccepted = undefined;
  spark.feed.onWait = undefined;
});

const apply = (
  id: string,
  body: unknown,
  options: { headers?: Record<string, string>; token?: string } = {},
) => spark.call('POST', `/v1/presets/${id}/apply`, { body, ...options });

describe('GET /v1/presets', () => {
  it('given a reader, then the three games are listed with where they go and how large they are', async () => {
    const reply = await spark.call('GET', '/v1/presets', { token: READ_TOKEN });
    expect(reply.status).toBe(200);
    const items = reply.json['items'] as Record<string, unknown>[];
    expect(items.map((item) => item['id'])).toEqual(['platformer-2d', 'top-down-action', 'visual-novel']);
    for (const item of items) {
      expect(item['targetFolder']).toMatch(/^Assets\/Spark\/\w+$/);
      expect(item['files']).toBeGreaterThan(20);
      expect(item['totalBytes']).toBeGreaterThan(10_000);
    }
  });

  it('given one of them, then its files, scenes, assets and build configuration are told', async () => {
    const reply = await spark.call('GET', '/v1/presets/platformer-2d', { token: READ_TOKEN });
    expect(reply.status).toBe(200);
    expect(reply.json).toMatchObject({
      targetFolder: 'Assets/Spark/Platformer2D',
      scenes: ['Assets/Spark/Platformer2D/Scenes/Platformer.unity'],
      build: {
        target: 'webgl',
        compression: 'gzip',
        scenes: ['Assets/Spark/Platformer2D/Scenes/Platformer.unity'],
      },
    });
    const files = reply.json['files'] as { path: string; bytes: number; sha256: string }[];
    expect(files.find(({ path }) => path.endsWith('/PlayerController2D.cs'))?.bytes).toBeGreaterThan(1_000);
    expect(files.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256))).toBe(true);
    expect(reply.json['assets']).toContainEqual(
      expect.objectContaining({ widthPx: 512, heightPx: 512, filter: 'point', maxTextureSizePx: 512 }),
    );
  });

  it.each(['/v1/presets', '/v1/presets/visual-novel'])(
    'given the ETag of %s, then the body is not sent again',
    async (path) => {
      const etag = String((await spark.call('GET', path)).headers['etag']);
      const again = await spark.call('GET', path, { headers: { 'if-none-match': etag } });
      expect([again.status, again.text]).toEqual([304, '']);
      const changed = await spark.call('GET', path, { headers: { 'if-none-match': '"other"' } });
      expect(changed.status).toBe(200);
    },
  );

  it('given an unknown one, then it is 404 and names those there are', async () => {
    const reply = await spark.call('GET', '/v1/presets/chess');
    expect(reply.status).toBe(404);
    expect(reply.json['detail']).toContain('platformer-2d, top-down-action, visual-novel');
    expect((await apply('chess', { sessionId: 's1' })).status).toBe(404);
  });
});

describe('POST /v1/presets/{id}/apply', () => {
  it('given a session, an editor, a folder and a key, then it is the command preset.apply, once', async () => {
    const body = { sessionId: 's1', editor: 'left', targetFolder: 'Assets/Games/Jump' };
    const headers = { 'idempotency-key': 'p1' };
    const first = await apply('platformer-2d', body, { headers });
    expect(first.status).toBe(202);
    expect(first.headers['location']).toBe(`/v1/commands/${first.json['commandId']}`);
    expect(spark.submitter.accepted.at(-1)).toMatchObject({
      type: 'preset.apply',
      sessionId: 's1',
      editor: 'left',
      payload: { presetId: 'platformer-2d', targetFolder: 'Assets/Games/Jump' },
    });
    expect((await apply('platformer-2d', body, { headers })).json).toEqual({
      ...first.json,
      duplicate: true,
    });
  });

  it('given Prefer: wait, then it is 200 with the outcome, or 409 when something lies there already', async () => {
    spark.submitter.onAccepted = (commandId) => {
      spark.feed.onWait = () =>
        spark.feed.append(completedEvent(commandId, 's2', { presetId: 'visual-novel' }));
    };
    const done = await apply('visual-novel', { sessionId: 's2' }, { headers: { prefer: 'wait=5' } });
    expect(done.status).toBe(200);
    expect(done.json).toMatchObject({ status: 'completed', result: { presetId: 'visual-novel' } });
    spark.submitter.onAccepted = (commandId) => {
      spark.feed.onWait = () => spark.feed.append(failedEvent(commandId, 's2', 'conflict', 'file_exists'));
    };
    const conflict = await apply('visual-novel', { sessionId: 's2' }, { headers: { prefer: 'wait=5' } });
    expect([conflict.status, conflict.json['code']]).toEqual([409, 'conflict']);
  });

  it.each([
    ['no session', {}, '/sessionId'],
    ['a folder outside Assets/', { sessionId: 's1', targetFolder: 'Library/X' }, '/targetFolder'],
    ['a folder that climbs out', { sessionId: 's1', targetFolder: 'Assets/../X' }, '/targetFolder'],
    [
      'a folder without room for its files',
      { sessionId: 's1', targetFolder: `Assets/${'x'.repeat(400)}` },
      '/targetFolder',
    ],
    ['an unknown member', { sessionId: 's1', overwrite: true }, ''],
  ])('given %s, then it is 422 and nothing is stored', async (_, body, pointer) => {
    const before = spark.submitter.accepted.length;
    const reply = await apply('platformer-2d', body);
    expect(reply.status).toBe(422);
    expect(JSON.stringify(reply.json['errors'])).toContain(`"pointer":"${pointer}`);
    expect(spark.submitter.accepted.length).toBe(before);
  });

  it.each([
    ['script:write', READ_TOKEN],
    ['asset:write', SCRIPTS_ONLY],
  ])('given a token without %s, then it is 403', async (scope, token) => {
    const reply = await apply('platformer-2d', { sessionId: 's1' }, { token });
    expect(reply.status).toBe(403);
    expect(reply.json['detail']).toContain(scope);
  });

  it('given a token that may write scripts only, then preset.apply as a plain command is 403 too', async () => {
    const body = { type: 'preset.apply', sessionId: 's1', payload: { presetId: 'platformer-2d' } };
    const before = spark.submitter.accepted.length;
    const reply = await spark.call('POST', '/v1/commands', { body, token: SCRIPTS_ONLY });
    expect([reply.status, reply.json['code']]).toEqual([403, 'forbidden']);
    expect(reply.json['detail']).toContain('"asset:write"');
    expect(spark.submitter.accepted.length).toBe(before);
    expect((await spark.call('POST', '/v1/commands', { body })).status).toBe(202);
  });
});

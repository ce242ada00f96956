import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeSpark, type Handler, json, startFakeSpark } from './fakeSpark.js';
import { spark } from './runSpark.js';

const ID = '4f0c21d6-2d3e-8b8a-9c63-1b1f6a0d7e55';
const SHA = 'ab'.repeat(32);
const waiting = { reason: 'editor `foo` is not connected (connected: `default`): gone', since: null };
const left = {
  ...{ editor: 'left', source: 'registry', instance: 'Game@1', labels: { team: 'red' } },
  paused: { by: 'ops', at: '2026-05-01T10:00:00.000Z', reason: 'lunch' },
  health: { state: 'ready', reason: null, since: '2026-05-01T10:00:00.000Z' },
  queue: { memory: 2, parked: 1 },
};

let server: FakeSpark | undefined;
const serve = async (handlers: Record<string, Handler>): Promise<FakeSpark> => {
  server = await startFakeSpark(handlers);
  return server;
};
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

describe('spark editors', () => {
  it('lists them, as text and as JSON; without editors it says so', async () => {
    const { url } = await serve({ 'GET /v1/editors': (_, reply) => json(reply, 200, { items: [left] }) });
    for (const argv of [['editors'], ['editors', 'list']]) {
      const { out, exitCode } = await spark([...argv, '--url', url]);
      expect(exitCode).toBe(0);
      expect(out).toMatch(/^left +ready +by ops +- +3 +registry +Game@1$/m);
    }
    expect(JSON.parse((await spark(['editors', '--json', '--url', url])).out)).toEqual({ items: [left] });
  });

  it('registers with all that was said, pauses with a reason, resumes, shows and removes', async () => {
    const answer: Handler = (_, reply) => json(reply, 200, left);
    const { url, seen } = await serve({
      'POST /v1/editors': answer,
      'GET /v1/editors/': answer,
      'DELETE /v1/editors/': (_, reply) => {
        reply.writeHead(204).end();
      },
    });
    const on = ['--url', url];
    const register = ['register', 'left', '--instance', 'Game@1', '--project', '/g', '--label', 'team=red'];
    for (const argv of [
      register,
      ['pause', 'left', '--reason', 'lunch'],
      ['resume', 'left'],
      ['show', 'left'],
      ['remove', 'left'],
    ])
      expect((await spark(['editors', ...argv, ...on])).exitCode).toBe(0);
    expect(seen.map(({ method, path, body }) => [method, path, body])).toEqual([
      [
        'POST',
        '/v1/editors',
        { editor: 'left', instance: 'Game@1', projectFolder: '/g', labels: { team: 'red' } },
      ],
      ['POST', '/v1/editors/left/pause', { reason: 'lunch' }],
      ['POST', '/v1/editors/left/resume', {}],
      ['GET', '/v1/editors/left', undefined],
      ['DELETE', '/v1/editors/left', undefined],
    ]);
    expect((await spark(['editors', 'show', 'left', ...on])).out).toMatch(/paused +by ops, .*: lunch/);
    expect((await spark(['editors', 'register', 'left', '--label', 'x', ...on])).exitCode).toBe(2);
  });
});

describe('what a user sees of a waiting command', () => {
  it('is in `spark status`, and a submit to an unknown editor warns', async () => {
    const { url } = await serve({
      'GET /v1/commands/': (_, reply) => json(reply, 200, { commandId: ID, state: 'accepted', waiting }),
      'POST /v1/commands': (_, reply) =>
        json(reply, 202, { commandId: ID, status: 'accepted', warning: "nobody knows an editor 'foo'" }),
    });
    expect((await spark(['status', ID, '--url', url])).out).toMatch(/waiting +editor `foo` is not connected/);
    const sent = await spark([
      'submit',
      'unity.delete_script',
      '-s',
      's',
      '--payload',
      '{"path":"Assets/A.cs"}',
      '--url',
      url,
    ]);
    expect([sent.exitCode, sent.err]).toEqual([0, expect.stringContaining("nobody knows an editor 'foo'")]);
  });
});

describe('spark preview', () => {
  it('renders what was asked for, waits, and saves the picture', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spark-preview-'));
    const result = {
      ...{
        frameRef: `/v1/frames/${SHA}`,
        mime: 'image/png',
        widthPx: 64,
        heightPx: 32,
        bytes: 3,
        cached: true,
      },
    };
    const { url, seen } = await serve({
      'POST /v1/commands': (_, reply) => json(reply, 202, { commandId: ID, status: 'accepted' }),
      'GET /v1/commands/': (_, reply) => json(reply, 200, { commandId: ID, state: 'completed', result }),
      'GET /v1/sessions/': (_, reply) => {
        reply.writeHead(200, { 'content-type': 'text/event-stream' });
        reply.write(': open\n\n');
      },
      'GET /v1/frames/': (_, reply) => {
        reply.writeHead(200, { 'content-type': 'image/png' }).end('png');
      },
    });
    const out = join(folder, 'now.png');
    const argv = ['preview', '--size', '64x32', '--scene', 'Assets/A.unity', '--object', 'Player', '-o', out];
    const ran = await spark([...argv, '--url', url]);
    expect([ran.exitCode, ran.out]).toEqual([0, `${out}  64 × 32 px, 3 bytes, from the cache\n`]);
    expect(readFileSync(out, 'utf8')).toBe('png');
    expect(seen[0]?.body).toMatchObject({
      type: 'unity.render_preview',
      payload: { width: 64, height: 32, scenePath: 'Assets/A.unity', gameObject: 'Player', format: 'png' },
    });
    expect((await spark(['preview', '--size', '0x5', '--url', url])).exitCode).toBe(2);
    rmSync(folder, { recursive: true });
  });
});

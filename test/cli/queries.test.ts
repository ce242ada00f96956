import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeSpark, type Handler, json, problem, sse, startFakeSpark } from './fakeSpark.js';
import { spark } from './runSpark.js';

const ID = '4f0c21d6-2d3e-8b8a-9c63-1b1f6a0d7e55';
const OPERATION = '7a5f6f6e-1d53-8f0a-8d4b-2f6f3b2f0c11';

let server: FakeSpark | undefined;
const serve = async (handlers: Record<string, Handler>): Promise<FakeSpark> => {
  server = await startFakeSpark(handlers);
  return server;
};
const folders: string[] = [];
const home = (endpoints?: Record<string, unknown>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'spark-cli-'));
  folders.push(folder);
  if (endpoints) {
    writeFileSync(join(folder, 'endpoints.json'), JSON.stringify(endpoints));
    chmodSync(join(folder, 'endpoints.json'), 0o600);
  }
  return folder;
};

afterEach(async () => {
  await server?.stop();
  server = undefined;
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('finding SPARK', () => {
  const one = {
    'GET /v1/commands/': ((_, response) =>
      json(response, 200, { commandId: ID, state: 'started' })) as Handler,
  };

  it('given a running SPARK in the home, takes its URL and token', async () => {
    const { url, seen } = await serve(one);
    const ran = await spark(['status', ID], { home: home({ http: url, token: 'local' }) });
    expect(ran.exitCode).toBe(0);
    expect(seen[0]?.headers.authorization).toBe('Bearer local');
  });

  it('given another URL, never sends the token of the home there', async () => {
    const { url, seen } = await serve(one);
    await spark(['status', ID, '--url', url], { home: home({ http: 'http://127.0.0.1:1', token: 'local' }) });
    expect(seen[0]?.headers.authorization).toBeUndefined();
  });

  it('lets an option win over the environment', async () => {
    const { url, seen } = await serve(one);
    await spark(['status', ID, '--url', `${url}/`, '--token', 'mine'], {
      url: 'http://127.0.0.1:1',
      token: 'env',
    });
    expect(seen[0]?.headers.authorization).toBe('Bearer mine');
  });

  it('given none, exits 3 and says how to start or name one', async () => {
    const ran = await spark(['status', ID], { home: home() });
    expect(ran.exitCode).toBe(3);
    expect(ran.err).toContain('npm start');
  });

  it('given nobody listens there, exits 3', async () => {
    const { url, stop } = await serve(one);
    await stop();
    const ran = await spark(['status', ID, '--json'], { url });
    expect(ran.exitCode).toBe(3);
    expect(JSON.parse(ran.out)).toMatchObject({ error: { code: 'unreachable', exitCode: 3 } });
  });

  it('given a URL that is none, exits 2', async () => {
    expect((await spark(['status', ID, '--url', 'ftp://x'])).exitCode).toBe(2);
  });

  it('given the token is refused, exits 1 and says so', async () => {
    const { url } = await serve({
      'GET /v1/commands/': (_, response) => problem(response, 401, { code: 'unauthorized', detail: 'no' }),
    });
    const ran = await spark(['status', ID], { url, token: 'wrong' });
    expect(ran).toMatchObject({ exitCode: 1 });
    expect(ran.err).toContain('token');
  });

  it('given something else answers, exits 1 instead of guessing', async () => {
    const { url } = await serve({
      'GET /v1/commands/': (_, response) => json(response, 200, { hello: 'world' }),
    });
    const ran = await spark(['status', ID, '--json'], { url });
    expect(ran.exitCode).toBe(1);
    expect(JSON.parse(ran.out)).toMatchObject({ error: { code: 'unexpected_reply' } });
  });
});

describe('spark status', () => {
  it('shows the command, with nothing in it that a terminal would obey', async () => {
    const { url } = await serve({
      'GET /v1/commands/': (_, response) =>
        json(response, 200, {
          commandId: ID,
          state: 'failed',
          error: { code: 'x', message: 'red \u001b[31m\u202e' },
        }),
    });
    const ran = await spark(['status', ID], { url });
    expect(ran.out).toContain(`failed  ${ID}`);
    expect(ran.out).not.toContain('\u001b');
    expect(ran.out).not.toContain('\u202e');
  });

  it('given an unknown command, exits 1', async () => {
    const { url } = await serve({});
    expect((await spark(['status', ID], { url })).exitCode).toBe(1);
  });
});

describe('spark list and history', () => {
  it('lists commands with the filters asked for', async () => {
    const { url, seen } = await serve({
      'GET /v1/commands?': (_, response) =>
        json(response, 200, {
          items: [{ commandId: ID, state: 'completed', type: 'a.b', sessionId: 'demo' }],
        }),
    });
    const ran = await spark(['list', '-s', 'demo', '--state', 'completed', '-e', 'left', '-n', '5'], { url });
    expect(ran.exitCode).toBe(0);
    expect(ran.out.split('\n')[0]).toMatch(/^COMMAND\s+STATE/);
    expect(ran.out).toContain(ID);
    expect(new URL(seen[0]?.path ?? '', url).searchParams.toString()).toBe(
      'limit=5&sessionId=demo&state=completed&editor=left',
    );
  });

  it('given a state that is none, exits 2', async () => {
    expect((await spark(['list', '--state', 'nearly'])).exitCode).toBe(2);
  });

  it('shows the undo log of a session', async () => {
    const operation = {
      operationId: OPERATION,
      state: 'applied',
      tool: 'create_script',
      path: 'Assets/A.cs',
    };
    const { url } = await serve({
      'GET /v1/sessions/demo/operations': (_, response) => json(response, 200, { items: [operation] }),
    });
    const ran = await spark(['history', 'demo'], { url });
    expect(ran.out).toContain('Assets/A.cs');
    expect(JSON.parse((await spark(['history', 'demo', '--json'], { url })).out)).toEqual({
      items: [operation],
    });
  });
});

describe('spark undo and redo', () => {
  const plan = {
    ok: true,
    operationId: OPERATION,
    editor: 'default',
    path: 'Assets/A.cs',
    diff: '--- a\n+++ b\n-old\n+new\n',
  };
  const planned: Handler = (request, response) =>
    (request.body as { dryRun?: boolean }).dryRun
      ? json(response, 200, plan)
      : json(response, 202, { commandId: ID, status: 'accepted', duplicate: false });

  it('with --dry-run prints the diff and changes nothing', async () => {
    const { url, seen } = await serve({ 'POST /v1/sessions/demo/undo': planned });
    const ran = await spark(['undo', 'demo', '--dry-run'], { url });
    expect(ran.exitCode).toBe(0);
    expect(ran.out).toContain('-old\n+new');
    expect(seen.map((request) => request.body)).toEqual([{ dryRun: true }]);
  });

  it('undoes exactly the operation whose diff it printed', async () => {
    const { url, seen } = await serve({ 'POST /v1/sessions/demo/undo': planned });
    const ran = await spark(['undo', 'demo'], { url });
    expect(ran.exitCode).toBe(0);
    expect(ran.out).toContain('+new');
    expect(ran.out).toContain(ID);
    expect(seen[1]?.body).toEqual({ operationId: OPERATION });
  });

  it('with --json prints one document', async () => {
    const { url } = await serve({ 'POST /v1/sessions/demo/redo': planned });
    const ran = await spark(['redo', 'demo', OPERATION, '--json'], { url });
    expect(JSON.parse(ran.out)).toMatchObject({ commandId: ID, plan: { operationId: OPERATION } });
  });

  it('with --wait, given a foreign change won the race, exits 5', async () => {
    const { url } = await serve({
      'POST /v1/sessions/demo/undo': planned,
      'GET /v1/commands/': (_, response) =>
        json(response, 200, {
          commandId: ID,
          state: 'conflict',
          error: { code: 'conflict', message: 'changed' },
        }),
      'GET /v1/sessions/demo/events': (_, response) => sse(response, []),
    });
    expect((await spark(['undo', 'demo', '--wait'], { url })).exitCode).toBe(5);
  });

  it('given the plan is a conflict, tells it, exits 5 and asks for nothing more', async () => {
    const { url, seen } = await serve({
      'POST /v1/sessions/demo/undo': (_, response) =>
        problem(response, 409, { code: 'conflict', detail: 'Assets/A.cs was changed since' }),
    });
    const ran = await spark(['undo', 'demo'], { url });
    expect(ran.exitCode).toBe(5);
    expect(ran.err).toContain('was changed since');
    expect(seen).toHaveLength(1);
  });
});

describe('spark watch', () => {
  it('given the stream breaks, resumes behind the last event and misses nothing', async () => {
    let connects = 0;
    const { url, seen } = await serve({
      'GET /v1/sessions/demo/events': (_, response) => {
        connects += 1;
        const at = connects * 10;
        sse(response, [
          { id: String(at), event: 'preview.started', data: { type: 'preview.started', commandId: ID } },
          {
            id: String(at + 1),
            event: 'preview.completed',
            data: { type: 'preview.completed', commandId: ID },
          },
        ]);
        setImmediate(() => response.destroy());
      },
    });
    const ran = await spark(['watch', 'demo', '--json', '--count', '4'], { url });
    expect(ran.exitCode).toBe(0);
    expect(
      ran.out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: string }).id),
    ).toEqual(['10', '11', '20', '21']);
    expect(seen.map((request) => request.headers['last-event-id'])).toEqual([undefined, '11']);
  });

  it('prints a line an event, and a gap as a reset', async () => {
    const { url } = await serve({
      'GET /v1/sessions/demo/events': (_, response) =>
        sse(response, [
          { event: 'reset', data: { reason: 'read_models_behind', from: 'live' } },
          {
            id: '7',
            event: 'undo.failed',
            data: {
              type: 'undo.failed',
              outcome: 'conflict',
              error: { code: 'conflict', message: 'changed' },
            },
          },
        ]),
    });
    const ran = await spark(['watch', 'demo', '-c', '2'], { url });
    expect(ran.out).toMatch(/^reset {2}.*read_models_behind/);
    expect(ran.out).toContain('conflict  undo  conflict: changed');
  });

  it('ends with 0 on Ctrl-C', async () => {
    const { url } = await serve({
      'GET /v1/sessions/demo/events': (_, response) =>
        sse(response, [{ id: '1', data: { type: 'preview.started' } }]),
    });
    const interrupted = new AbortController();
    const ran = await spark(['watch', 'demo'], {
      url,
      interrupted: interrupted.signal,
      onOut: () => interrupted.abort(),
    });
    expect(ran.exitCode).toBe(0);
  });
});

describe('a list that lacks the newest', () => {
  const answer = (lagMs: number) =>
    ((_, response) =>
      json(response, 200, {
        items: [],
        nextCursor: null,
        freshness: { source: 'replica', appliedSeq: 9, lagMs },
      })) as Handler;

  it.each([
    ['list', 'GET /v1/commands'],
    ['history', 'GET /v1/operations'],
    ['dlq list', 'GET /v1/dead-letters'],
  ])('given `spark %s`, says how far it is behind and who answered', async (command, route) => {
    const { url } = await serve({ [route]: answer(42_400) });
    const ran = await spark(command.split(' '), { url });
    expect([ran.exitCode, ran.out]).toEqual([
      0,
      expect.stringContaining('Not everything is in it yet: up to 42 s behind (answered by the replica).'),
    ]);
  });

  it('given it lacks no more than usual, says nothing of it', async () => {
    const { url } = await serve({ 'GET /v1/commands': answer(120) });
    expect((await spark(['list'], { url })).out).toBe('No commands.\n');
  });
});

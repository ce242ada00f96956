import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeSpark, type Handler, json, problem, sse, startFakeSpark } from './fakeSpark.js';
import { spark } from './runSpark.js';

const ID = '4f0c21d6-2d3e-8b8a-9c63-1b1f6a0d7e55';
const accept: Handler = (_, response) =>
  json(response, 202, { commandId: ID, status: 'accepted', duplicate: false });
const is = (state: string, more: Record<string, unknown> = {}): Handler => {
  return (_, response) =>
    json(response, 200, { commandId: ID, state, status: state, type: 'unity.generate_script', ...more });
};

let server: FakeSpark | undefined;
const folder = mkdtempSync(join(tmpdir(), 'spark-cli-'));
const serve = async (handlers: Record<string, Handler>): Promise<FakeSpark> => {
  server = await startFakeSpark(handlers);
  return server;
};
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

afterEach(async () => {
  await server?.stop();
  server = undefined;
});
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

describe('spark submit', () => {
  it('given a payload, posts the command with its key and editor, and prints the id', async () => {
    const { url, seen } = await serve({ 'POST /v1/commands': accept });
    const ran = await spark(
      [
        'submit',
        'unity.delete_script',
        '-s',
        'demo',
        '-e',
        'left',
        '-k',
        'k1',
        '--payload',
        '{"path":"Assets/A.cs"}',
      ],
      { url, token: 't0ken' },
    );
    expect(ran).toMatchObject({ exitCode: 0, err: '' });
    expect(ran.out).toContain(ID);
    expect(seen[0]?.headers.authorization).toBe('Bearer t0ken');
    expect(seen[0]?.body).toEqual({
      type: 'unity.delete_script',
      sessionId: 'demo',
      editor: 'left',
      idempotencyKey: 'k1',
      payload: { path: 'Assets/A.cs' },
    });
  });

  it('given a code file, sends its text byte for byte and names the script after it', async () => {
    const { url, seen } = await serve({ 'POST /v1/commands': accept });
    const code = '\ufeffclass Player {}\r\n// ünï';
    const ran = await spark(
      [
        'submit',
        'unity.generate_script',
        '-s',
        'demo',
        '--code-file',
        file('Player.cs', code),
        '--set',
        'overwrite=true',
      ],
      { url },
    );
    expect(ran.exitCode).toBe(0);
    expect(seen[0]?.body).toMatchObject({
      payload: { name: 'Player', path: 'Assets/Scripts/Player.cs', code, overwrite: true },
    });
  });

  it('with --json prints the answer as one document', async () => {
    const { url } = await serve({ 'POST /v1/commands': accept });
    const ran = await spark(['submit', 'x.y', '-s', 'demo', '--json'], { url });
    expect(JSON.parse(ran.out)).toEqual({ commandId: ID, status: 'accepted', duplicate: false });
  });

  it('with --wait shows the states as they come over the live stream, then the outcome', async () => {
    let state = 'accepted';
    const { url } = await serve({
      'POST /v1/commands': accept,
      'GET /v1/commands/': (request, response) => is(state, { result: { bytes: 3 } })(request, response),
      'GET /v1/sessions/demo/events': (_, response) => {
        const other = { type: 'preview.completed', commandId: 'other' };
        sse(response, [
          { id: '1', data: other },
          { id: '2', data: { type: 'generate_unity_script.started', commandId: ID } },
        ]);
        state = 'completed';
        sse(response, [{ id: '3', data: { type: 'generate_unity_script.completed', commandId: ID } }]);
      },
    });
    const ran = await spark(['submit', 'unity.generate_script', '-s', 'demo', '--wait', '10'], { url });
    expect(ran.exitCode).toBe(0);
    expect(ran.out).toContain('completed');
    expect(ran.out).toContain('spark undo demo');
    expect(ran.err).toMatch(/^accepted/);
  });

  it('with --wait, given the status is a moment behind the live stream, has the outcome at once and no state twice', async () => {
    let asked = 0;
    const { url } = await serve({
      'POST /v1/commands': accept,
      'GET /v1/commands/': (request, response) => {
        asked += 1;
        is(asked < 4 ? 'accepted' : 'completed')(request, response);
      },
      'GET /v1/sessions/demo/events': (_, response) => {
        sse(response, [
          { id: '1', data: { type: 'generate_unity_script.started', commandId: ID } },
          { id: '2', data: { type: 'generate_unity_script.completed', commandId: ID } },
        ]);
      },
    });
    const ran = await spark(['submit', 'unity.generate_script', '-s', 'demo', '--wait', '1'], { url });
    expect(ran.exitCode).toBe(0);
    expect(ran.err.split('\n').map((line) => line.split(' ')[0])).toEqual([
      'accepted',
      'started',
      'completed',
      '',
    ]);
  });

  it.each([
    ['failed', 1],
    ['rejected', 1],
    ['outcome_unknown', 1],
    ['conflict', 5],
  ])('with --wait, given the command ends as %s, exits %i', async (state, exitCode) => {
    const { url } = await serve({
      'POST /v1/commands': accept,
      'GET /v1/commands/': is(state, { error: { code: 'conflict', message: 'changed by hand' } }),
      'GET /v1/sessions/demo/events': (_, response) => sse(response, []),
    });
    const ran = await spark(['submit', 'a.b', '-s', 'demo', '--wait', '--json'], { url });
    expect(ran.exitCode).toBe(exitCode);
    expect(JSON.parse(ran.out)).toMatchObject({ commandId: ID, state, error: { code: 'conflict' } });
  });

  it('with --wait, given it is still not done when the time is up, exits 4 and says how to ask again', async () => {
    const { url } = await serve({
      'POST /v1/commands': accept,
      'GET /v1/commands/': is('started'),
      'GET /v1/sessions/demo/events': (_, response) => sse(response, []),
    });
    const ran = await spark(['submit', 'a.b', '-s', 'demo', '--wait', '0.2'], { url });
    expect(ran.exitCode).toBe(4);
    expect(ran.err).toContain(`spark status ${ID}`);
  });

  it('given a refusal, exits 1 with the pointer and what to do', async () => {
    const { url } = await serve({
      'POST /v1/commands': (_, response) =>
        problem(response, 422, {
          code: 'schema_violation',
          detail: 'the payload does not fit',
          errors: [{ pointer: '/payload/path', message: 'must end in .cs' }],
        }),
    });
    const ran = await spark(['submit', 'a.b', '-s', 'demo'], { url });
    expect(ran.exitCode).toBe(1);
    expect(ran.err).toContain('schema_violation');
    expect(ran.err).toContain('/payload/path: must end in .cs');
  });

  it('given the key belongs to another payload, exits 5; with --json the error is the document', async () => {
    const { url } = await serve({
      'POST /v1/commands': (_, response) =>
        problem(response, 422, { code: 'idempotency_mismatch', detail: 'x' }),
    });
    const ran = await spark(['submit', 'a.b', '-s', 'demo', '-k', 'k', '--json'], { url });
    expect(ran.exitCode).toBe(5);
    expect(JSON.parse(ran.out)).toMatchObject({
      error: { code: 'idempotency_mismatch', status: 422, exitCode: 5 },
    });
  });

  it.each([
    [['submit']],
    [['submit', 'a.b']],
    [['submit', 'a.b', '-s', 'not a token']],
    [['submit', 'a.b', '-s', 'demo', '--payload', '{broken']],
    [['submit', 'a.b', '-s', 'demo', '--payload', '[]']],
    [['submit', 'a.b', '-s', 'demo', '--payload-file', join(folder, 'missing.json')]],
    [['submit', 'a.b', '-s', 'demo', '--set', 'nothing']],
    [['submit', 'a.b', '--file', 'x.ndjson']],
    [['submit', 'a.b', '-s', 'demo', '--wait', '-3']],
  ])('given wrong arguments %j, exits 2', async (argv) => {
    const ran = await spark(argv, { url: 'http://127.0.0.1:9' });
    expect(ran.exitCode).toBe(2);
    expect(ran.err).not.toBe('');
  });
});

describe('spark submit --file', () => {
  const lines = (count: number): string =>
    Array.from({ length: count }, (_, at) =>
      JSON.stringify({ type: 'a.b', sessionId: 'demo', payload: { at } }),
    ).join('\n');
  const acceptAll: Handler = (request, response) =>
    json(
      response,
      202,
      (request.body as unknown[]).map(() => ({ commandId: ID, status: 'accepted', duplicate: false })),
    );

  it('sends the lines in order, in batches, each with a key of its own', async () => {
    const { url, seen } = await serve({ 'POST /v1/commands': acceptAll });
    const ran = await spark(
      ['submit', '--file', file('many.ndjson', lines(1_100)), '--key', 'import', '--json'],
      { url },
    );
    expect(ran.exitCode).toBe(0);
    expect(JSON.parse(ran.out)).toEqual({ accepted: 1_100, duplicate: 0, refused: [] });
    const sent = seen.flatMap(
      (request) => request.body as { payload: { at: number }; idempotencyKey: string }[],
    );
    expect(seen.length).toBeGreaterThan(1);
    expect(sent.map((item) => item.payload.at)).toEqual(Array.from({ length: 1_100 }, (_, at) => at));
    expect(sent[6]?.idempotencyKey).toBe('import-7');
  });

  it('reads standard input, and fills in the session', async () => {
    const { url, seen } = await serve({ 'POST /v1/commands': acceptAll });
    const ran = await spark(['submit', '--file', '-', '-s', 'demo'], {
      url,
      stdin: '{"type":"a.b","payload":{}}\n\n',
    });
    expect(ran).toMatchObject({ exitCode: 0, out: '1 accepted, 0 known before, 0 refused\n' });
    expect(seen[0]?.body).toMatchObject([{ sessionId: 'demo' }]);
  });

  it('given part of a batch is refused for load, sends that part again with the same keys until it is taken', async () => {
    let calls = 0;
    const { url, seen } = await serve({
      'POST /v1/commands': (request, response) => {
        calls += 1;
        if (calls === 1)
          return problem(
            response,
            429,
            { code: 'saturated', detail: 'full', retryAfterMs: 5 },
            { 'retry-after': '1' },
          );
        if (calls > 2) return acceptAll(request, response);
        const results = (request.body as unknown[]).map((_, at) =>
          at === 0
            ? { commandId: ID, status: 'accepted', duplicate: false }
            : {
                type: '/problems/saturated',
                status: 429,
                code: 'saturated',
                detail: 'full',
                retryAfterMs: 5,
              },
        );
        return json(response, 202, results);
      },
    });
    const ran = await spark(['submit', '--file', file('three.ndjson', lines(3)), '--json'], { url });
    expect(JSON.parse(ran.out)).toMatchObject({ accepted: 3 });
    const keys = seen.map((request) =>
      (request.body as { idempotencyKey: string }[]).map((item) => item.idempotencyKey),
    );
    expect(keys[1]).toEqual(keys[0]);
    expect(keys[2]).toEqual(keys[0]?.slice(1));
  });

  it('tells refused lines by number, goes on, and exits 1', async () => {
    const { url } = await serve({
      'POST /v1/commands': (_, response) =>
        json(response, 202, [
          { type: '/problems/schema_violation', status: 422, code: 'schema_violation', detail: 'no path' },
          { commandId: ID, status: 'accepted', duplicate: true },
        ]),
    });
    const ran = await spark(['submit', '--file', file('two.ndjson', lines(2))], { url });
    expect(ran.exitCode).toBe(1);
    expect(ran.out).toBe('0 accepted, 1 known before, 1 refused\n');
    expect(ran.err).toContain('line 1: schema_violation: no path');
  });

  it('given a line that is no JSON, exits 2 and names the line', async () => {
    const { url } = await serve({ 'POST /v1/commands': acceptAll });
    const ran = await spark(['submit', '--file', file('bad.ndjson', '{"type":"a.b"}\n{nope')], { url });
    expect(ran.exitCode).toBe(2);
    expect(ran.err).toContain('line 2');
  });
});

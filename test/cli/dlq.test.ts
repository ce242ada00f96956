import { afterEach, describe, expect, it } from 'vitest';
import { timeText } from '../../src/cli/text.js';
import { type FakeSpark, type Handler, json, problem, startFakeSpark } from './fakeSpark.js';
import { spark } from './runSpark.js';

const COMMAND = '4f0c21d6-2d3e-8b8a-9c63-1b1f6a0d7e55';
const LETTER = {
  id: '12',
  ts: '2026-03-01T10:00:00.000Z',
  reason: 'malformed_json',
  state: 'open',
  attempts: 0,
  lastError: 'the body is not JSON',
  originalSubject: 'spark.commands.default.unity.delete_script.demo',
  type: 'unity.delete_script',
  sessionId: 'demo',
  editor: 'default',
  commandId: COMMAND,
  redrives: 1,
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

describe('spark dlq list and show', () => {
  it('given filters, asks with them and prints a table, or the answer itself', async () => {
    const answer = { items: [LETTER], nextCursor: 'abc', freshness: {} };
    const { url, seen } = await serve({
      'GET /v1/dead-letters?': (_, response) => json(response, 200, answer),
    });
    const args = [
      'dlq',
      'list',
      '--state',
      'open',
      '--session',
      'demo',
      '--since',
      '2026-03-01T00:00:00Z',
      '-n',
      '5',
    ];
    const ran = await spark(args, { url });
    expect(ran.exitCode).toBe(0);
    expect(ran.out).toMatch(/^LETTER {2}STATE {2}REASON/);
    expect(ran.out).toContain('12      open   malformed_json  unity.delete_script  demo');
    expect(ran.out).toContain('More: --cursor abc');
    expect(Object.fromEntries(new URL(seen[0]?.path ?? '', url).searchParams)).toEqual({
      sessionId: 'demo',
      since: '2026-03-01T00:00:00.000Z',
      limit: '5',
      state: 'open',
    });
    expect(JSON.parse((await spark([...args, '--json'], { url })).out)).toEqual(answer);
  });

  it('given a letter, shows where it came from and what was done', async () => {
    const actions = [{ at: LETTER.ts, action: 'redriven', actor: 'ops', commandId: COMMAND, redrive: 1 }];
    const { url } = await serve({
      'GET /v1/dead-letters/12': (_, response) =>
        json(response, 200, {
          ...LETTER,
          headers: { a: 'b' },
          payloadProblem: 'no JSON',
          traceId: 'ff',
          actions,
        }),
    });
    const { out } = await spark(['dlq', 'show', '12'], { url });
    for (const part of ['open  letter 12', 'the body is not JSON', 'trace     ff', 'by ops', `as ${COMMAND}`])
      expect(out).toContain(part);
  });
});

describe('spark dlq redrive', () => {
  const redriven: Handler = (_, response) =>
    json(response, 202, { id: '12', commandId: COMMAND, status: 'accepted', duplicate: false, redrive: 1 });

  it('given one letter and corrections, sends them; --again asks for the next redrive', async () => {
    const { url, seen } = await serve({
      'POST /v1/dead-letters/12/redrive': redriven,
      'GET /v1/dead-letters/12': (_, response) => json(response, 200, LETTER),
    });
    const args = [
      'dlq',
      'redrive',
      '12',
      '--payload',
      '{"path":"Assets/A.cs"}',
      '--as-session',
      's2',
      '--again',
    ];
    const ran = await spark(args, { url });
    expect([ran.exitCode, ran.err]).toEqual([0, '']);
    expect(ran.out).toContain(COMMAND);
    expect(seen.at(-1)?.body).toEqual({ payload: { path: 'Assets/A.cs' }, sessionId: 's2', redrive: 2 });
  });

  it('given a refusal, exits 5 and says why', async () => {
    const { url } = await serve({
      'POST /v1/dead-letters/12/redrive': (_, response) =>
        problem(response, 409, { code: 'not_redrivable', detail: 'its body was longer' }),
    });
    const ran = await spark(['dlq', 'redrive', '12'], { url });
    expect([ran.exitCode, ran.err]).toEqual([5, expect.stringContaining('its body was longer')]);
  });

  it.each([
    [['dlq', 'redrive']],
    [['dlq', 'redrive', '12', '--all-matching']],
    [['dlq', 'redrive', '1', '--reason', 'x']],
  ])('given %j, exits 2', async (args) => {
    expect((await spark(args, { url: 'http://127.0.0.1:1' })).exitCode).toBe(2);
  });

  const LINES = [
    { id: '1', outcome: 'redriven', commandId: COMMAND, duplicate: false },
    { id: '2', outcome: 'refused', code: 'not_redrivable', detail: 'no JSON' },
    { done: true, matched: 2, redriven: 1, refused: 1, stopped: null },
  ];
  const matching: Handler = (request, response) => {
    if ((request.body as { dryRun?: boolean }).dryRun)
      return json(response, 200, {
        matched: 2,
        items: [
          { id: '1', problem: null },
          { id: '2', problem: 'no JSON' },
        ],
      });
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.end(LINES.map((line) => `${JSON.stringify(line)}\n`).join(''));
  };

  it('given all that match, asks first, tells each, and exits 1 when one was refused', async () => {
    const { url, seen } = await serve({ 'POST /v1/dead-letters/redrive': matching });
    const args = ['dlq', 'redrive', '--all-matching', '--reason', 'x', '--rate', '5'];
    const nobody = await spark(args, { url });
    expect([nobody.exitCode, nobody.err]).toEqual([2, expect.stringContaining('--yes')]);
    const no = await spark(args, { url, terminal: true, stdin: 'n\n' });
    expect([no.exitCode, no.err]).toEqual([1, expect.stringContaining('Redrive 2 dead letters? [y/N]')]);
    expect(seen.every(({ body }) => (body as { dryRun?: boolean }).dryRun)).toBe(true);

    const yes = await spark(args, { url, terminal: true, stdin: 'y\n' });
    expect(yes.exitCode).toBe(1);
    expect(yes.out).toBe(`1  redriven  ${COMMAND}\n2  refused  no JSON\n1 redriven, 1 refused.\n`);
    expect(seen.at(-1)?.body).toEqual({ filter: { reason: 'x' }, ratePerSecond: 5, limit: 100 });
    const machine = await spark([...args, '--yes', '--json'], { url });
    expect(
      machine.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(LINES);
  });

  it('given an answer that breaks off, says so and what to do', async () => {
    const { url } = await serve({
      'POST /v1/dead-letters/redrive': (request, response) => {
        if ((request.body as { dryRun?: boolean }).dryRun) return matching(request, response);
        response.writeHead(200, { 'content-type': 'application/x-ndjson' });
        response.end(`${JSON.stringify(LINES[0])}\n`);
      },
    });
    const ran = await spark(['dlq', 'redrive', '--all-matching', '--yes'], { url });
    expect([ran.exitCode, ran.err]).toEqual([1, expect.stringContaining('Ask again')]);
  });
});

describe('spark dlq drop', () => {
  it('given one letter, asks, then drops it', async () => {
    const { url, seen } = await serve({
      'DELETE /v1/dead-letters/12': (_, response) => json(response, 200, { id: '12', state: 'dropped' }),
    });
    expect((await spark(['dlq', 'drop', '12'], { url, terminal: true, stdin: '\n' })).exitCode).toBe(1);
    expect(seen).toEqual([]);
    const ran = await spark(['dlq', 'drop', '12', '--yes'], { url });
    expect([ran.exitCode, ran.out]).toEqual([0, 'dropped  letter 12\n']);
  });

  it('given all that match, counts, asks and drops', async () => {
    const { url } = await serve({
      'POST /v1/dead-letters/drop': (request, response) => {
        const { dryRun } = request.body as { dryRun: boolean };
        json(response, 200, { matched: 2, dropped: dryRun ? [] : ['1', '2'] });
      },
    });
    const ran = await spark(['dlq', 'drop', '--all-matching', '--session', 'demo', '--yes'], { url });
    expect([ran.exitCode, ran.out]).toEqual([0, '2 dropped.\n']);
  });
});

describe('times for people', () => {
  const nowMs = Date.parse('2026-03-01T10:00:00Z');
  it.each([
    [0, 'just now'],
    [1_500, '1 s ago'],
    [61_000, '1 min ago'],
    [3 * 3_600_000, '3 h ago'],
    [50 * 3_600_000, '2 d ago'],
    [-1_500, 'just now'],
    [-60_000, 'in 1 min'],
  ])('given a moment %i ms ago, shows it in local time and how long ago it was', (agoMs, age) => {
    const at = new Date(nowMs - agoMs);
    const shown = timeText(at.toISOString(), nowMs);
    expect(shown).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(.+\)$/);
    expect(shown).toContain(`(${age})`);
    // Read as local time, it is the same second.
    expect(new Date(shown.slice(0, 19)).getTime()).toBe(Math.floor(at.getTime() / 1_000) * 1_000);
  });

  it('given none, or what is no time, stays honest', () => {
    expect([timeText(null, nowMs), timeText(undefined, nowMs), timeText('soon', nowMs)]).toEqual([
      '-',
      '-',
      'soon',
    ]);
  });
});

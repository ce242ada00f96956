import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { BAD } from './support/badPayloads.js';
import { rejections } from './support/rejections.js';
import { DELETE, GENERATE, good, SCRIPT_LIMIT } from './support/scripts.js';

describe('what is refused', () => {
  const home = newHome();
  let spark: Spark;
  let sessions = 0;
  const newSession = () => `refused-${++sessions}`;

  const { ask, eventsOf, expectRejected, laneGoesOn } = rejections(() => spark, newSession);

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  it.each(BAD.map((bad) => [`${bad.type} with ${bad.what}`, bad] as const))(
    'given %s, HTTP, spark.submit and the stream all refuse it, saying where and why',
    async (_name, { type, payload, pointer, status = 422, code = 'schema_violation', limit }) => {
      const session = newSession();
      const effects = (await spark.effects()).length;

      const posted = await spark.http('/v1/commands', { body: { type, sessionId: session, payload } });
      expect(posted.body).toMatchObject({ status, code, type: `/problems/${code}`, retryable: false });
      expect(posted.status).toBe(status);
      expect(posted.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      const errors = posted.body['errors'] as { pointer: string; message: string; limit?: number }[];
      const error = errors.find((one) => one.pointer === pointer);
      expect(error, JSON.stringify(errors)).toBeDefined();
      expect(error?.message.length).toBeGreaterThan(3);
      if (limit !== undefined) expect(error?.limit).toBe(limit);

      const answer = await ask(`spark.submit.default.${type}.${session}`, JSON.stringify(payload));
      expect(answer).toMatchObject({ accepted: false, code, errors });

      await spark.publish({ type, session }, payload);
      const { event } = await expectRejected(session, code);
      const known = code === 'unknown_command' ? 'unknown_command.failed' : undefined;
      if (known !== undefined) expect(event?.type).toBe(known);
      expect((await spark.effects()).length).toBe(effects);
    },
  );

  it('given all that, the lane still works', async () => {
    await laneGoesOn();
  });

  const raw: [string, string | Uint8Array, string, number][] = [
    ['no JSON', '{"path":', 'malformed_json', 400],
    ['nothing at all', '', 'malformed_json', 400],
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), 'malformed_json', 400],
    ['a member __proto__', '{"path":"Assets/A.cs","__proto__":{"admin":true}}', 'malformed_json', 400],
    ['a member __proto__, escaped and deep', '{"path":{"x":[{"\\u005f_proto__":1}]}}', 'malformed_json', 400],
    ['brackets 100,000 deep', `{"path":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'any', 0],
    ['1,000,001 bytes', JSON.stringify({ path: 'x'.repeat(1_000_001 - 11) }), 'payload_too_large', 413],
  ];
  it.each(raw)(
    'given a body of %s, it is refused as what it is, and the lane goes on',
    async (_name, body, code, status) => {
      const session = newSession();
      const response = await fetch(`${spark.endpoints.http}/v1/commands`, {
        method: 'POST',
        headers: { authorization: `Bearer ${spark.endpoints.token}`, 'content-type': 'application/json' },
        body,
      });
      const problem = (await response.json()) as Record<string, unknown>;
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(problem).toMatchObject({ status: response.status, errors: expect.any(Array) as unknown });
      if (status > 0) expect(problem).toMatchObject({ code, status });
      else expect([400, 422]).toContain(response.status);

      const answer = await ask(`spark.submit.default.${DELETE}.${session}`, body);
      expect(answer).toMatchObject({ accepted: false, errors: expect.any(Array) as unknown });
      if (status > 0) expect(answer['code']).toBe(code);

      await spark.publish({ type: DELETE, session }, Buffer.from(body));
      const { letter, event } = await expectRejected(session, String(answer['code']));
      expect(event?.type).toBe('delete_unity_script.failed');
      const kept = Buffer.from(
        String(letter['body']),
        letter['body_encoding'] === 'base64' ? 'base64' : 'utf8',
      );
      expect(letter['body_truncated']).toBe(kept.length < Buffer.from(body).length);
      expect(Buffer.from(body).subarray(0, kept.length)).toEqual(kept);
      await laneGoesOn();
    },
  );

  const subjects: [string, string, string | null][] = [
    ['no session', `spark.commands.default.${DELETE}`, null],
    ['one token', 'spark.commands.default', null],
    ['a token too many', `spark.commands.default.${DELETE}.SESSION.more`, 'SESSION'],
    ['a session of 65 characters', `spark.commands.default.${DELETE}.${'s'.repeat(65)}`, null],
    ['a session with a character that is none', `spark.commands.default.${DELETE}.sess!on`, null],
    ['an editor with a character that is none', `spark.commands.def$ault.${DELETE}.SESSION`, 'SESSION'],
    [
      'a family with a character that is none',
      'spark.commands.default.un~ity.delete_script.SESSION',
      'SESSION',
    ],
    ['a non-ASCII session', `spark.commands.default.${DELETE}.sitzungä`, null],
  ];
  it.each(subjects)(
    'given a subject with %s, it is a dead letter with the reason, told to its session where that can be read',
    async (_name, pattern, readable) => {
      const session = newSession();
      const subject = pattern.replace('SESSION', session);
      await spark.publishRaw(subject, JSON.stringify({ path: 'Assets/A.cs' }));
      const letter = await eventually(async () => {
        const letters = await spark.sql(
          "SELECT * FROM spark_dead_letters WHERE reason = 'malformed_subject' ORDER BY id DESC LIMIT 1",
        );
        expect(letters[0]?.['original_subject']).toBe(subject);
        return letters[0] as Record<string, unknown>;
      });
      expect(letter).toMatchObject({ attempts: 0, session_id: readable === null ? null : session });
      if (readable !== null)
        expect(
          await eventually(async () => {
            const events = await eventsOf(session);
            expect(events).toHaveLength(1);
            return events;
          }),
        ).toMatchObject([{ outcome: 'rejected', code: 'malformed_subject' }]);
      const asked = await ask(subject.replace('spark.commands.', 'spark.submit.'), '{}');
      expect(asked).toMatchObject({ accepted: false, code: 'malformed_subject' });
      await laneGoesOn();
    },
  );

  const headers: [string, Record<string, string>][] = [
    ['a key of 201 characters', { 'Spark-Idempotency-Key': 'k'.repeat(201) }],
    ['a priority that is no digit', { 'Spark-Priority': 'high' }],
    ['a deadline that is no time', { 'Spark-Deadline': 'soon' }],
  ];
  it.each(headers)('given a header with %s, the publish is refused', async (_name, bad) => {
    const session = newSession();
    expect(
      await ask(`spark.submit.default.${GENERATE}.${session}`, JSON.stringify(good('Head')), bad),
    ).toMatchObject({
      accepted: false,
      code: 'malformed_header',
      errors: [{ pointer: `/headers/${Object.keys(bad)[0]?.toLowerCase()}` }],
    });
    await spark.publish({ type: GENERATE, session }, good('Head'), bad);
    await expectRejected(session, 'malformed_header');
  });

  it('given a deadline that has passed, the command is not executed and is told as failed with the outcome expired', async () => {
    const session = newSession();
    await spark.publish({ type: GENERATE, session }, good('Late'), {
      'Spark-Deadline': '2001-01-01T00:00:00Z',
    });
    const [event] = await eventually(async () => {
      const events = await eventsOf(session);
      expect(events).toHaveLength(1);
      return events;
    });
    expect(event).toMatchObject({ type: 'generate_unity_script.failed', outcome: 'expired' });
    expect((await spark.command(String(event?.command_id)))['state']).toBe('failed');
    expect(spark.file('Assets/Late.cs')).toBeUndefined();
  });

  const envelopes: [string, object, string][] = [
    ['a session that is no token', { sessionId: 'a.b' }, '/sessionId'],
    ['no session', { sessionId: undefined }, '/sessionId'],
    ['an editor that is no token', { editor: 'a b' }, '/editor'],
    ['an unknown field', { user: 'me' }, '/user'],
    ['a priority of 10', { priority: 10 }, '/priority'],
    ['a deadline without a zone', { deadline: '2030-01-01T00:00:00' }, '/deadline'],
    ['a key with a space', { idempotencyKey: 'a key' }, '/idempotencyKey'],
  ];
  it.each(envelopes)('given a post with %s, 422 names it', async (_name, over, pointer) => {
    const answer = await spark.http('/v1/commands', {
      body: { type: GENERATE, sessionId: newSession(), payload: good('Env'), ...over },
    });
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ code: 'schema_violation' });
    expect((answer.body['errors'] as { pointer: string }[]).map((error) => error.pointer)).toContain(pointer);
  });

  it('given a batch with bad items, each gets its own problem in its place and the good ones run, in order', async () => {
    const session = newSession();
    const item = (payload: unknown, over = {}) => ({ type: GENERATE, sessionId: session, payload, ...over });
    const answer = await spark.http('/v1/commands', {
      body: [
        item(good('BatchA')),
        item({ ...good('BatchB'), path: '../x.cs' }),
        item(good('BatchC'), { idempotencyKey: 'batch' }),
        item(good('BatchD'), { idempotencyKey: 'batch' }),
        item({ ...good('BatchE'), code: 'x'.repeat(SCRIPT_LIMIT + 1) }),
        'nonsense',
        item(good('BatchF')),
      ],
    });
    expect(answer.status).toBe(202);
    const results = answer.body as unknown as Record<string, unknown>[];
    expect(results).toMatchObject([
      { status: 'accepted', duplicate: false },
      { status: 422, code: 'schema_violation', errors: [{ pointer: '/payload/path' }] },
      { status: 'accepted', duplicate: false },
      { status: 422, code: 'idempotency_mismatch' },
      { status: 413, code: 'payload_too_large', errors: [{ pointer: '/payload/code', limit: SCRIPT_LIMIT }] },
      { status: 422, code: 'schema_violation' },
      { status: 'accepted', duplicate: false },
    ]);
    const ids = [0, 2, 6].map((index) => String(results[index]?.['commandId']));
    for (const id of ids) expect((await spark.command(id))['state']).toBe('completed');
    const started = await spark.sql(
      "SELECT command_id FROM spark_events WHERE session_id = $1 AND type LIKE '%.started' ORDER BY seq",
      [session],
    );
    expect(started.map((row) => row['command_id'])).toEqual(ids);
    const none = await spark.http('/v1/commands', { body: [] });
    expect(none.status).toBe(422);
    const tooMany = await spark.http('/v1/commands', {
      body: Array.from({ length: 1_001 }, () => item(good('Many'))),
    });
    expect(tooMany.status).toBe(413);
    expect(tooMany.body).toMatchObject({ code: 'payload_too_large', errors: [{ limit: 1_000 }] });
  });

  it('given another content type, an encoding, or two keys that differ, they are refused', async () => {
    const body = { type: GENERATE, sessionId: newSession(), payload: good('Type') };
    const as = (headers: Record<string, string>, more = {}) =>
      spark.http('/v1/commands', { body: { ...body, ...more }, headers });
    expect((await as({ 'content-type': 'text/plain' })).status).toBe(415);
    expect((await as({ 'content-encoding': 'gzip' })).status).toBe(415);
    const two = await as({ 'idempotency-key': 'one' }, { idempotencyKey: 'two' });
    expect(two.status).toBe(422);
    expect(two.body).toMatchObject({ errors: [{ pointer: '/idempotencyKey' }] });
  });

  /** Every path and method of the API as it describes itself, with an id that could be one in each place. */
  async function protectedRoutes(): Promise<[method: string, path: string][]> {
    const { body } = await spark.http('/openapi.json', { token: null });
    const paths = Object.entries(body['paths'] as Record<string, object>);
    return paths
      .filter(([path]) => path.startsWith('/v1/'))
      .flatMap(([path, methods]) =>
        Object.keys(methods).map((method): [string, string] => [
          method.toUpperCase(),
          path
            .replace('{sha}', '0'.repeat(64))
            .replaceAll(/\{\w+\}/g, `${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}`),
        ]),
      );
  }

  it('given no token, a wrong one or another scheme, everything but health is 401', async () => {
    const wrong = 'x'.repeat(spark.endpoints.token.length);
    const routes = await protectedRoutes();
    expect(routes.length).toBeGreaterThan(30);
    expect(routes.filter(([, path]) => /[{}]/.test(path))).toEqual([]);
    for (const [method, path] of [...routes, ['GET', '/nowhere'] as const])
      for (const authorization of [
        undefined,
        `Bearer ${wrong}`,
        `Basic ${spark.endpoints.token}`,
        'Bearer ',
      ]) {
        const answer = await spark.http(path, {
          method,
          token: null,
          ...(authorization === undefined ? {} : { headers: { authorization } }),
          ...(method === 'GET' ? {} : { body: {} }),
        });
        expect(answer.status, `${method} ${path} with ${String(authorization)}`).toBe(401);
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
        expect(answer.body).toMatchObject({ code: 'unauthorized' });
      }
    for (const path of ['/livez', '/readyz', '/healthz', '/version', '/openapi.json', '/metrics'])
      expect((await spark.http(path, { token: null })).status, path).toBe(200);
  });

  it('given unknown ids and addresses, 404 as a problem', async () => {
    for (const path of [
      '/v1/commands/not-an-id',
      `/v1/commands/${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}`,
      `/v1/frames/${'0'.repeat(64)}`,
      '/v1/nothing',
    ]) {
      const answer = await spark.http(path);
      expect(answer.status, path).toBe(404);
      expect(answer.body).toMatchObject({ code: 'not_found' });
    }
  });
});

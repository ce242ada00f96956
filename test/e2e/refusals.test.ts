import { connect, type Msg, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

const SCRIPT_LIMIT = 204_800;
const good = (name: string) => ({
  name,
  path: `Assets/${name}.cs`,
  code: `class ${name} {}\n`,
  overwrite: true,
});
const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });
const edit = { startLine: 1, startCol: 1, endLine: 1, endCol: 1, newText: '' };
const preview = (over: object) => ({ width: 64, height: 64, ...over });

interface Bad {
  readonly what: string;
  readonly type: string;
  readonly payload: unknown;
  /** Where it is wrong, from the root of what HTTP gets. */
  readonly pointer: string;
  readonly status?: number;
  readonly code?: string;
  readonly limit?: number;
}

const GENERATE = 'unity.generate_script';
const PATCH = 'unity.apply_patch';
const DELETE = 'unity.delete_script';
const PREVIEW = 'unity.render_preview';

/** Spellings of a place that is not a script under Assets/, each for a reason of its own. */
const PATHS = [
  'Packages/A.cs',
  'A.cs',
  '/Assets/A.cs',
  'Assets/../A.cs',
  'Assets/./A.cs',
  'Assets//A.cs',
  'Assets/%2e%2e/A.cs',
  'Assets\\A.cs',
  'assets/A.cs',
  'C:/Assets/A.cs',
  '~/Assets/A.cs',
  'Assets/A.cs:stream',
  'Assets/CON.cs',
  'Assets/sub./A.cs',
  'Assets/sub /A.cs',
  'Assets/A\u0000.cs',
  'Assets/A\n.cs',
  'Assets/A\u202e.cs',
  'Assets/A\u200b.cs',
  'Assets/e\u0301.cs',
  'Аssets/A.cs',
  'Assets/A.cs.meta',
  'Assets/A.txt',
  'Assets/A.CS',
  'Assets/A.cs ',
  `Assets/${'a/'.repeat(260)}A.cs`,
  '',
];

const BAD: readonly Bad[] = [
  ...PATHS.map((path) => ({
    what: `path ${JSON.stringify(path.slice(0, 30))}`,
    type: DELETE,
    payload: { path },
    pointer: '/payload/path',
  })),
  { what: 'no path', type: GENERATE, payload: { name: 'A', code: '' }, pointer: '/payload/path' },
  { what: 'no code', type: GENERATE, payload: { name: 'A', path: 'Assets/A.cs' }, pointer: '/payload/code' },
  {
    what: 'a name that is no identifier',
    type: GENERATE,
    payload: { ...good('A'), name: '1A' },
    pointer: '/payload/name',
  },
  {
    what: 'a path that leaves Assets',
    type: GENERATE,
    payload: { ...good('A'), path: 'Assets/../A.cs' },
    pointer: '/payload/path',
  },
  {
    what: 'a file name Unity cannot take',
    type: GENERATE,
    payload: { ...good('A'), path: 'Assets/A-b.cs' },
    pointer: '/payload/path',
  },
  {
    what: 'an unknown field',
    type: GENERATE,
    payload: { ...good('A'), force: true },
    pointer: '/payload/force',
  },
  {
    what: 'overwrite as text',
    type: GENERATE,
    payload: { ...good('A'), overwrite: 'yes' },
    pointer: '/payload/overwrite',
  },
  {
    what: 'code one byte too long',
    type: GENERATE,
    payload: { ...good('A'), code: `${'é'.repeat(SCRIPT_LIMIT / 2)}\n` },
    pointer: '/payload/code',
    status: 413,
    code: 'payload_too_large',
    limit: SCRIPT_LIMIT,
  },
  {
    what: 'a lone surrogate',
    type: GENERATE,
    payload: { ...good('A'), code: '// \ud800' },
    pointer: '/payload/code',
  },
  { what: 'a payload that is a list', type: GENERATE, payload: [], pointer: '/payload' },
  { what: 'a payload that is null', type: GENERATE, payload: null, pointer: '/payload' },
  {
    what: 'neither patch nor edits',
    type: PATCH,
    payload: { path: 'Assets/A.cs' },
    pointer: '/payload/patch',
  },
  {
    what: 'both patch and edits',
    type: PATCH,
    payload: { path: 'Assets/A.cs', patch: '', edits: [edit] },
    pointer: '/payload/patch',
  },
  {
    what: 'a patch too long',
    type: PATCH,
    payload: { path: 'Assets/A.cs', patch: 'x'.repeat(SCRIPT_LIMIT + 1) },
    pointer: '/payload/patch',
    status: 413,
    code: 'payload_too_large',
    limit: SCRIPT_LIMIT,
  },
  {
    what: 'edits too long together',
    type: PATCH,
    payload: {
      path: 'Assets/A.cs',
      edits: [edit, edit].map((one) => ({ ...one, newText: 'x'.repeat(SCRIPT_LIMIT / 2 + 1) })),
    },
    pointer: '/payload/edits',
    status: 413,
    code: 'payload_too_large',
    limit: SCRIPT_LIMIT,
  },
  {
    what: 'an edit at line 0',
    type: PATCH,
    payload: { path: 'Assets/A.cs', edits: [edit, { ...edit, startLine: 0 }] },
    pointer: '/payload/edits/1/startLine',
    limit: 1,
  },
  {
    what: 'no edits',
    type: PATCH,
    payload: { path: 'Assets/A.cs', edits: [] },
    pointer: '/payload/edits',
    limit: 1,
  },
  {
    what: 'a sha that is none',
    type: PATCH,
    payload: { path: 'Assets/A.cs', patch: '', expectedSha256: 'ABC' },
    pointer: '/payload/expectedSha256',
  },
  {
    what: 'a path outside',
    type: PATCH,
    payload: { path: 'ProjectSettings/A.cs', patch: '' },
    pointer: '/payload/path',
  },
  { what: 'width 0', type: PREVIEW, payload: preview({ width: 0 }), pointer: '/payload/width', limit: 1 },
  {
    what: 'width 4097',
    type: PREVIEW,
    payload: preview({ width: 4097 }),
    pointer: '/payload/width',
    limit: 4096,
  },
  {
    what: 'height 4097',
    type: PREVIEW,
    payload: preview({ height: 4097 }),
    pointer: '/payload/height',
    limit: 4096,
  },
  { what: 'half a pixel', type: PREVIEW, payload: preview({ height: 1.5 }), pointer: '/payload/height' },
  { what: 'no width', type: PREVIEW, payload: { height: 1 }, pointer: '/payload/width' },
  {
    what: 'an unknown format',
    type: PREVIEW,
    payload: preview({ format: 'gif' }),
    pointer: '/payload/format',
  },
  { what: 'an unknown mode', type: PREVIEW, payload: preview({ mode: 'best' }), pointer: '/payload/mode' },
  {
    what: 'a scene that is none',
    type: PREVIEW,
    payload: preview({ scenePath: 'Assets/A.cs' }),
    pointer: '/payload/scenePath',
  },
  {
    what: 'an operation id that is none',
    type: 'session.undo',
    payload: { operationId: 'last' },
    pointer: '/payload/operationId',
  },
  { what: 'an unknown field', type: 'session.undo', payload: { to: 1 }, pointer: '/payload/to' },
  {
    what: 'an operation id that is none',
    type: 'session.redo',
    payload: { operationId: 7 },
    pointer: '/payload/operationId',
  },
  { what: 'nesting of 33 levels', type: DELETE, payload: nested(33), pointer: '/payload', limit: 32 },
  {
    what: 'an unknown command',
    type: 'unity.format_disk',
    payload: {},
    pointer: '/type',
    code: 'unknown_command',
  },
];

describe('what is refused', () => {
  const home = newHome();
  let spark: Spark;
  let sessions = 0;

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  const newSession = () => `refused-${++sessions}`;
  const eventsOf = (session: string) =>
    spark.sql<{ type: string; outcome: string; code: string; command_id: string }>(
      "SELECT type, payload->>'outcome' AS outcome, payload->'error'->>'code' AS code, command_id FROM spark_events WHERE session_id = $1 ORDER BY seq",
      [session],
    );
  const lettersOf = (column: 'session_id' | 'original_subject', value: string) =>
    spark.sql(`SELECT * FROM spark_dead_letters WHERE ${column} = $1 ORDER BY id`, [value]);
  const oneLetter = (column: 'session_id' | 'original_subject', value: string) =>
    eventually(async () => {
      const letters = await lettersOf(column, value);
      expect(letters).toHaveLength(1);
      return letters[0] as Record<string, unknown>;
    });
  /** The lane goes on: a command published behind what was refused completes. */
  async function laneGoesOn(editor = 'default') {
    const session = newSession();
    await spark.publish({ type: GENERATE, session, editor }, good('Alive'));
    await eventually(async () =>
      expect((await eventsOf(session)).map(({ type }) => type)).toContain('generate_unity_script.completed'),
    );
  }
  const ask = async (subject: string, body: string | Uint8Array, headers = {}) =>
    (await spark.publishRaw(subject, body, headers)) as unknown as Record<string, unknown>;

  /** A reject over a raw publish: the event where a session can be read, and the dead letter. */
  async function expectRejected(session: string, code: string) {
    const letter = await oneLetter('session_id', session);
    expect(letter).toMatchObject({ reason: code, source: 'stream', attempts: 0, editor: 'default' });
    expect(letter['original_subject']).toMatch(new RegExp(`^spark\\.commands\\.default\\..+\\.${session}$`));
    expect(String(letter['last_error'])).not.toBe('');
    const [event] = await eventually(async () => {
      const events = await eventsOf(session);
      expect(events).toHaveLength(1);
      return events;
    });
    expect(event).toMatchObject({ outcome: 'rejected', code, command_id: letter['command_id'] });
    const row = await spark.command(String(letter['command_id']));
    expect(row).toMatchObject({ state: 'rejected', error_code: code, session_id: session });
    return { event, letter };
  }

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

  it('given no token, a wrong one or another scheme, everything but health is 401', async () => {
    const wrong = 'x'.repeat(spark.endpoints.token.length);
    for (const [method, path] of [
      ['POST', '/v1/commands'],
      ['GET', '/v1/commands'],
      ['GET', `/v1/commands/${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}`],
      ['GET', '/v1/sessions/a/events'],
      ['GET', '/v1/sessions/a/operations'],
      ['POST', '/v1/sessions/a/undo'],
      ['GET', '/v1/dead-letters'],
      ['GET', `/v1/frames/${'0'.repeat(64)}`],
      ['GET', '/nowhere'],
    ] as const)
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
          ...(method === 'POST' ? { body: {} } : {}),
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

  describe('the published NATS user', () => {
    /** A connection of its own that collects the server's permission errors. */
    async function client(inboxPrefix?: string): Promise<{ nc: NatsConnection; errors: string[] }> {
      const { nats, natsUser, natsPassword, natsInboxPrefix } = spark.endpoints;
      const nc = await connect({
        servers: nats,
        user: natsUser,
        pass: natsPassword,
        inboxPrefix: inboxPrefix ?? natsInboxPrefix,
        reconnect: false,
      });
      const errors: string[] = [];
      void (async () => {
        for await (const status of nc.status())
          if (status.type === 'error') errors.push(String(status.error.message));
      })();
      return { nc, errors };
    }

    it('given no or a wrong password, the server lets nobody in', async () => {
      const { nats, natsUser } = spark.endpoints;
      await expect(connect({ servers: nats, reconnect: false })).rejects.toThrow(/authorization/i);
      await expect(
        connect({ servers: nats, user: natsUser, pass: 'wrong', reconnect: false }),
      ).rejects.toThrow(/authorization/i);
    });

    it.each([
      'spark.log.0',
      'spark.dlq',
      'spark.runtime.unity.completed.victim',
      'spark.images.x',
      'spark.command-envelopes.0',
      'spark.partition.0.default.unity.delete_script.x',
      'spark.internal.status',
      'spark.parked.0',
      '$JS.API.STREAM.PURGE.SPARK_COMMANDS',
      '$JS.API.STREAM.DELETE.SPARK_LOG',
      '$JS.API.STREAM.MSG.GET.SPARK_LOG',
      '_INBOX_spark_worker.x',
    ])('it may not publish %s', async (subject) => {
      const { nc, errors } = await client();
      const stored = await spark.sql('SELECT count(*)::int AS n FROM spark_dead_letters');
      nc.publish(subject, '{}');
      await eventually(() => expect(errors.join()).toMatch(/permissions violation.*publish/i));
      expect(await spark.sql('SELECT count(*)::int AS n FROM spark_dead_letters')).toEqual(stored);
      await nc.close();
    });

    it.each(['_INBOX.>', '_INBOX_spark_worker.>', '_INBOX_spark_ingest.*', '>', '$JS.>', '$SYS.>'])(
      'it may not listen to %s',
      async (subject) => {
        const { nc, errors } = await client();
        const subscription = nc.subscribe(subject, { callback: () => undefined });
        await eventually(() => expect(errors.join()).toMatch(/permissions violation.*subscription/i));
        subscription.unsubscribe();
        await nc.close();
      },
    );

    it('it gets a live copy of every event on exactly the subjects and with exactly the fields that clients use', async () => {
      const session = newSession();
      const { nc, errors } = await client();
      const seen: { subject: string; body: Record<string, unknown> }[] = [];
      const keep = (message: Msg) => {
        if (message.subject.endsWith(`.${session}`))
          seen.push({ subject: message.subject, body: message.json() });
      };
      for (const subject of ['spark.runtime.>', 'spark.preview.>'])
        nc.subscribe(subject, { callback: (_error, message) => keep(message) });
      await nc.flush();

      const run = (type: string, payload: object) =>
        spark.submitAndWait({ type, sessionId: session, payload });
      const path = 'Assets/Live.cs';
      const made = await run(GENERATE, good('Live'));
      await run(PATCH, { path, edits: [{ ...edit, newText: '// live\n' }] });
      await run('session.undo', {});
      await run('session.redo', {});
      await run(DELETE, { path });
      await run(PREVIEW, { width: 32, height: 32 });
      const failed = await run(DELETE, { path });
      await spark.publish({ type: DELETE, session }, { path: 'nowhere' });

      const expected = [
        ['runtime.unity', 'generate_unity_script', 'completed'],
        ['runtime.unity', 'apply_unity_patch', 'completed'],
        ['runtime.session', 'undo', 'completed'],
        ['runtime.session', 'redo', 'completed'],
        ['runtime.unity', 'delete_unity_script', 'completed'],
        ['preview.unity', 'preview', 'completed'],
        ['runtime.unity', 'delete_unity_script', 'failed'],
      ].flatMap(([family, name, end]) => [
        [`spark.${family}.started.${session}`, `${name}.started`],
        [`spark.${family}.${end}.${session}`, `${name}.${end}`],
      ]);
      const facts = () => seen.filter(({ body }) => body['type'] !== 'preview.frame');
      await eventually(() => expect(facts()).toHaveLength(expected.length + 1));
      expect(facts().map(({ subject, body }) => [subject, body['type']])).toEqual([
        ...expected,
        [`spark.runtime.unity.failed.${session}`, 'delete_unity_script.failed'],
      ]);
      const frames = seen.filter(({ body }) => body['type'] === 'preview.frame');
      expect(frames.map(({ subject }) => subject)).toEqual([`spark.preview.unity.frame.${session}`]);

      for (const { body } of facts())
        expect(body).toMatchObject({
          sessionId: session,
          editor: 'default',
          timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
          commandId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
          eventId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
        });
      const bodyOf = (at: number) => facts()[at]?.body;
      expect(bodyOf(0)).toMatchObject({ commandId: made.body['commandId'] });
      expect(bodyOf(0)).not.toHaveProperty('outcome');
      expect(bodyOf(1)).toMatchObject({ outcome: 'completed', commandId: made.body['commandId'] });
      expect(bodyOf(13)).toMatchObject({
        outcome: 'failed',
        commandId: failed.body['commandId'],
        error: { code: 'script_not_found' },
      });
      expect(bodyOf(14)).toMatchObject({ outcome: 'rejected', error: { code: 'schema_violation' } });
      const stored = await eventually(async () => {
        const rows = await spark.sql('SELECT event_id FROM spark_events WHERE session_id = $1 ORDER BY seq', [
          session,
        ]);
        expect(rows).toHaveLength(facts().length);
        return rows.map((row) => row['event_id']);
      });
      expect(facts().map(({ body }) => body['eventId'])).toEqual(stored);
      expect(errors).toEqual([]);
      await nc.close();
    });

    it('it hears dead letters on spark.dlq with reason, attempts, last error and original subject', async () => {
      const session = newSession();
      const { nc } = await client();
      const heard: Record<string, unknown>[] = [];
      nc.subscribe('spark.dlq', { callback: (_error, message) => void heard.push(message.json()) });
      await nc.flush();
      const subject = `spark.commands.default.${DELETE}.${session}`;
      await spark.publishRaw(subject, 'no json', { 'Spark-Actor': 'tester' });
      await eventually(() =>
        expect(heard).toMatchObject([
          {
            reason: 'malformed_json',
            attempts: 0,
            lastError: expect.any(String) as unknown,
            originalSubject: subject,
            body: 'no json',
          },
        ]),
      );
      await nc.close();
    });
  });
});

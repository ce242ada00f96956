import { connect, type Msg, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { DELETE, edit, GENERATE, good, PATCH, PREVIEW } from './support/scripts.js';

describe('the published NATS user', () => {
  const home = newHome();
  let spark: Spark;
  let sessions = 0;
  const newSession = () => `published-${++sessions}`;

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

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
    await expect(connect({ servers: nats, user: natsUser, pass: 'wrong', reconnect: false })).rejects.toThrow(
      /authorization/i,
    );
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

    const run = (type: string, payload: object) => spark.submitAndWait({ type, sessionId: session, payload });
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

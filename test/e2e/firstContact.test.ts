import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alive, eventually, newHome, removeHome, Spark } from '../support/spark.js';

const sha = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');

describe('a new user: one publish, one post, both on the standby', () => {
  const home = newHome();
  let spark: Spark;

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  it('given a one-line publish of a plain NATS client, the file has its exact bytes and the standby shows command and events', async () => {
    const code = 'class FromNats { /* ünïcode ✓ */ }\r\n';
    const ack = await spark.publish(
      { type: 'unity.generate_script', session: 'nats-user' },
      { name: 'FromNats', path: 'Assets/FromNats.cs', code },
    );
    expect(ack.stream).toBe('SPARK_COMMANDS');

    const row = await eventually(async () => {
      const [found] = await spark.sql("SELECT * FROM spark_commands WHERE session_id = 'nats-user'");
      expect(found?.['state']).toBe('completed');
      return found;
    });
    expect(spark.file('Assets/FromNats.cs')).toEqual(Buffer.from(code));
    expect(row).toMatchObject({
      type: 'unity.generate_script',
      editor: 'default',
      attempts: 1,
      error_code: null,
    });
    const events = await spark.sql(
      "SELECT type FROM spark_events WHERE session_id = 'nats-user' ORDER BY seq",
    );
    expect(events.map((event) => event['type'])).toEqual([
      'generate_unity_script.started',
      'generate_unity_script.completed',
    ]);
  });

  it('given a post over HTTP, 202 and Location come at once and the same is found on the standby', async () => {
    const code = 'class FromHttp {}';
    const answer = await spark.http('/v1/commands', {
      body: {
        type: 'unity.generate_script',
        sessionId: 'http-user',
        payload: { name: 'FromHttp', path: 'Assets/FromHttp.cs', code },
      },
    });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ duplicate: false });
    expect(answer.headers.get('location')).toBe(`/v1/commands/${String(answer.body['commandId'])}`);

    const row = await spark.command(String(answer.body['commandId']));
    expect(row['state']).toBe('completed');
    expect(spark.file('Assets/FromHttp.cs')).toEqual(Buffer.from(code));
    const [operation] = await spark.sql("SELECT * FROM spark_operations WHERE session_id = 'http-user'");
    expect(operation).toMatchObject({
      path: 'Assets/FromHttp.cs',
      before_sha256: null,
      after_sha256: sha(code),
      state: 'applied',
    });
  });

  it('given undo, the file and its .meta are gone; given redo, both are back byte for byte', async () => {
    const meta = spark.file('Assets/FromHttp.cs.meta');
    expect(meta).toBeDefined();
    expect(
      (await spark.submitAndWait({ type: 'session.undo', sessionId: 'http-user', payload: {} })).status,
    ).toBe(200);
    expect(spark.file('Assets/FromHttp.cs')).toBeUndefined();
    expect(spark.file('Assets/FromHttp.cs.meta')).toBeUndefined();
    expect(
      (await spark.submitAndWait({ type: 'session.redo', sessionId: 'http-user', payload: {} })).status,
    ).toBe(200);
    expect(spark.file('Assets/FromHttp.cs')).toEqual(Buffer.from('class FromHttp {}'));
    expect(spark.file('Assets/FromHttp.cs.meta')).toEqual(meta);
  });

  it('given Ctrl-C, no process stays behind and it ends with 0', async () => {
    const pids = Object.values(spark.readEndpoints().pids).flatMap((pid) => pid ?? []);
    expect(pids).toHaveLength(6);
    expect(await spark.stop()).toEqual({ code: 0, signal: null });
    await eventually(() => expect(pids.filter(alive)).toEqual([]));
    spark = await Spark.start({ home });
  });
});

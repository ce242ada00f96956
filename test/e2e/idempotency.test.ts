import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

const TYPE = 'unity.generate_script';

const script = (name: string, body = '') => ({
  name,
  path: `Assets/${name}.cs`,
  code: `class ${name} { ${body} }\n`,
  overwrite: true,
});

describe('one key is one command, whichever way and however often it comes', () => {
  const home = newHome();
  let spark: Spark;

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  const headerOf = (key: string) => ({ 'Spark-Idempotency-Key': key });
  const post = (session: string, key: string, payload: object, way: 'header' | 'body', type = TYPE) =>
    spark.http('/v1/commands', {
      body: { type, sessionId: session, payload, ...(way === 'body' ? { idempotencyKey: key } : {}) },
      headers: way === 'header' ? { 'idempotency-key': key } : {},
    });
  async function submit(session: string, key: string, payload: object, type = TYPE) {
    return (await ask(`spark.submit.default.${type}.${session}`, payload, headerOf(key))) as {
      accepted: boolean;
      commandId: string;
      code: string;
      duplicate: boolean;
      errors: { pointer: string }[];
    };
  }
  async function ask(subject: string, payload: object, headers: Record<string, string>): Promise<unknown> {
    return spark.publishRaw(subject, JSON.stringify(payload), headers);
  }
  const rowsOf = (session: string) =>
    spark.sql('SELECT * FROM spark_commands WHERE session_id = $1 ORDER BY accepted_at, command_id', [
      session,
    ]);
  const effectsOf = async (commandId: string) =>
    (await spark.effects()).filter((effect) => effect.commandId === commandId);
  const deadLettersOf = (session: string) =>
    spark.sql('SELECT * FROM spark_dead_letters WHERE session_id = $1 ORDER BY id', [session]);
  /** The session's commands, once the standby shows so many and all of them have ended. */
  const settled = (session: string, commands: number) =>
    eventually(
      async () => {
        const rows = await rowsOf(session);
        expect(rows).toHaveLength(commands);
        expect(rows.filter((row) => row['finished_at'] === null)).toEqual([]);
        return rows;
      },
      { timeoutMs: 60_000 },
    );

  it('given 20 publishes of one key over five ways at once, they are one command with one effect', async () => {
    const session = 'twenty';
    const key = 'key-twenty';
    const payload = script('Twenty');
    const address = { type: TYPE, session };
    const ids: string[] = [];
    const tell = (id: unknown) => ids.push(String(id));
    const replays: boolean[] = [];
    await Promise.all([
      // Other message ids: JetStream stores each of them, only the ledger can tell.
      ...Array.from({ length: 5 }, (_, n) =>
        spark.publish(address, payload, { ...headerOf(key), 'Nats-Msg-Id': `${session}-${n}` }),
      ),
      ...Array.from({ length: 3 }, () => spark.publish(address, payload, headerOf(key))),
      ...Array.from({ length: 4 }, () => spark.publish(address, payload, { 'Nats-Msg-Id': key })),
      ...['header', 'header', 'header', 'body', 'body'].map(async (way) => {
        const answer = await post(session, key, payload, way as 'header' | 'body');
        expect(answer.status).toBe(202);
        tell(answer.body['commandId']);
        replays.push(answer.headers.get('idempotency-replayed') === 'true');
        expect(answer.body['duplicate']).toBe(replays.at(-1));
      }),
      ...Array.from({ length: 3 }, async () => {
        const answer = await submit(session, key, payload);
        expect(answer).toMatchObject({ accepted: true });
        tell(answer.commandId);
      }),
    ]);
    expect(ids).toHaveLength(8);
    expect(new Set(ids).size).toBe(1);
    const [commandId = ''] = ids;
    expect((await spark.command(commandId))['state']).toBe('completed');

    // A later command of the same lane has ended: so have all repeats before it.
    await spark.submitAndWait({ type: TYPE, sessionId: session, payload: script('TwentyAfter') });
    const rows = await settled(session, 2);
    expect(rows.filter((row) => row['idempotency_key'] === key)).toHaveLength(1);
    expect(rows).toHaveLength(2);
    expect(await effectsOf(commandId)).toHaveLength(1);
    expect((await spark.effects()).filter((effect) => effect.path === 'Assets/Twenty.cs')).toHaveLength(1);
    const events = await spark.sql('SELECT type FROM spark_events WHERE command_id = $1 ORDER BY seq', [
      commandId,
    ]);
    expect(events.map((event) => event['type'])).toEqual([
      'generate_unity_script.started',
      'generate_unity_script.completed',
    ]);
    expect(await deadLettersOf(session)).toEqual([]);
  });

  it('given a repeat after the end, the stored outcome is answered and nothing runs again', async () => {
    const session = 'replay';
    const payload = script('Replay');
    const first = await spark.submitAndWait({
      type: TYPE,
      sessionId: session,
      payload,
      idempotencyKey: 'again',
    });
    expect(first.body).toMatchObject({ state: 'completed', duplicate: false });
    const effects = (await spark.effects()).length;
    const repeat = await spark.submitAndWait({
      type: TYPE,
      sessionId: session,
      payload,
      idempotencyKey: 'again',
    });
    expect(repeat.status).toBe(200);
    expect(repeat.headers.get('idempotency-replayed')).toBe('true');
    expect(repeat.body).toMatchObject({
      commandId: first.body['commandId'],
      state: 'completed',
      duplicate: true,
      result: first.body['result'],
    });
    // Members in another order are the same payload.
    const { name, path, code, overwrite } = payload;
    expect(await submit(session, 'again', { overwrite, code, path, name })).toMatchObject({
      accepted: true,
      duplicate: true,
      commandId: first.body['commandId'],
    });
    expect((await spark.effects()).length).toBe(effects);
  });

  it('given a preview with defaults left out, the same key is the same command over every way', async () => {
    const session = 'defaults';
    const type = 'unity.render_preview';
    const payload = { width: 64, height: 64 };
    const first = await post(session, 'preview', payload, 'header', type);
    expect(await submit(session, 'preview', payload, type)).toMatchObject({
      accepted: true,
      duplicate: true,
      commandId: first.body['commandId'],
    });
    await spark.publish({ type, session }, payload, headerOf('preview'));
    await spark.submitAndWait({ type, sessionId: session, payload: { width: 65, height: 64 } });
    expect((await settled(session, 2)).map((row) => row['state'])).toEqual(['completed', 'completed']);
    expect(await deadLettersOf(session)).toEqual([]);
  });

  it('given the same key in another session, it is another command', async () => {
    const [one, two] = await Promise.all(
      ['scope-a', 'scope-b'].map((session) => post(session, 'same', script('Scope'), 'header')),
    );
    expect(one?.body['commandId']).not.toBe(two?.body['commandId']);
    expect(two?.body['duplicate']).toBe(false);
  });

  it('given publishes without a key, each is a command of its own', async () => {
    const session = 'keyless';
    const payload = script('Keyless');
    for (let n = 0; n < 3; n++) await spark.publish({ type: TYPE, session }, payload);
    const posted = await spark.http('/v1/commands', { body: { type: TYPE, sessionId: session, payload } });
    const asked = (await ask(`spark.submit.default.${TYPE}.${session}`, payload, {})) as {
      commandId: string;
    };
    await spark.command(asked.commandId);
    const rows = await settled(session, 5);
    expect(rows).toHaveLength(5);
    expect(new Set(rows.map((row) => row['command_id'])).size).toBe(5);
    expect(rows.map((row) => row['command_id'])).toEqual(
      expect.arrayContaining([posted.body['commandId'], asked.commandId]),
    );
    expect(rows.every((row) => row['idempotency_key'] === null && row['state'] === 'completed')).toBe(true);
  });

  /** Another payload under a used key, over each way; `round` keeps the sessions of the two runs apart. */
  async function refusesAnother(session: string, key: string, first: Record<string, unknown>, round: string) {
    const commandId = String(first['commandId']);
    const path = (first['result'] as { path: string }).path;
    const before = {
      row: await spark.command(commandId),
      file: spark.file(path),
      effects: await spark.effects(),
    };
    const other = script('Mismatch', `int ${round};`);

    const posted = await post(session, key, other, 'header');
    expect(posted.status).toBe(422);
    expect(posted.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(posted.body).toMatchObject({
      code: 'idempotency_mismatch',
      errors: [{ pointer: '/idempotencyKey' }],
      retryable: false,
    });
    expect(await submit(session, key, other)).toMatchObject({
      accepted: false,
      code: 'idempotency_mismatch',
      errors: [{ pointer: '/idempotencyKey' }],
    });
    const otherEditor = await spark.http('/v1/commands', {
      body: {
        type: TYPE,
        sessionId: session,
        editor: 'elsewhere',
        payload: script('Mismatch'),
        idempotencyKey: key,
      },
    });
    expect(otherEditor.status).toBe(422);

    const letters = (await deadLettersOf(session)).length;
    await spark.publish({ type: TYPE, session }, other, headerOf(key));
    await spark.publish({ type: TYPE, session }, other, {
      ...headerOf(key),
      'Nats-Msg-Id': `fresh-${round}`,
    });
    const rejected = await eventually(async () => {
      const found = await deadLettersOf(session);
      expect(found).toHaveLength(letters + 2);
      return found.slice(letters);
    });
    for (const letter of rejected) {
      expect(letter).toMatchObject({
        reason: 'idempotency_mismatch',
        original_subject: `spark.commands.default.${TYPE}.${session}`,
        body: JSON.stringify(other),
        attempts: 0,
      });
      expect(letter['command_id']).not.toBe(commandId);
      const events = await eventually(async () => {
        const found = await spark.sql<{ type: string; outcome: string; code: string }>(
          "SELECT type, payload->>'outcome' AS outcome, payload->'error'->>'code' AS code FROM spark_events WHERE command_id = $1",
          [letter['command_id']],
        );
        expect(found).toHaveLength(1);
        return found;
      });
      expect(events).toEqual([
        { type: 'generate_unity_script.failed', outcome: 'rejected', code: 'idempotency_mismatch' },
      ]);
    }
    expect(new Set(rejected.map((letter) => letter['command_id'])).size).toBe(2);

    expect(await spark.command(commandId)).toEqual(before.row);
    expect(spark.file(path)).toEqual(before.file);
    expect(await spark.effects()).toEqual(before.effects);
    const status = await spark.http(`/v1/commands/${commandId}`);
    expect(status.body).toMatchObject({ state: 'completed', result: first['result'] });
  }

  it('given another payload under a used key, every way refuses it and the first is untouched, after a restart too', async () => {
    const session = 'mismatch';
    const first = await spark.submitAndWait({
      type: TYPE,
      sessionId: session,
      payload: script('Mismatch'),
      idempotencyKey: 'taken',
    });
    expect(first.body).toMatchObject({ state: 'completed' });
    await refusesAnother(session, 'taken', first.body, 'before');

    await spark.stop();
    spark = await Spark.start({ home });
    const repeat = await post(session, 'taken', script('Mismatch'), 'body');
    expect(repeat.body).toMatchObject({ commandId: first.body['commandId'], duplicate: true });
    await refusesAnother(session, 'taken', first.body, 'after');
  });

  it('given two payloads under one new key at once, exactly one runs and the other is refused', async () => {
    const session = 'race';
    const answers = await Promise.all(
      ['int a;', 'int b;'].map((body) => post(session, 'contested', script('Race', body), 'header')),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 422]);
    await Promise.all(
      ['int c;', 'int d;', 'int e;'].map((body, n) =>
        spark.publish({ type: TYPE, session }, script('Race', body), {
          ...headerOf('contested-raw'),
          'Nats-Msg-Id': `race-${n}`,
        }),
      ),
    );
    await eventually(async () => expect(await deadLettersOf(session)).toHaveLength(2));
    const rows = await settled(session, 4);
    expect(rows.map((row) => row['state']).sort()).toEqual([
      'completed',
      'completed',
      'rejected',
      'rejected',
    ]);
    expect((await spark.effects()).filter((effect) => effect.path === 'Assets/Race.cs')).toHaveLength(2);
  });

  it('given a bare Nats-Msg-Id repeated with another payload, JetStream answers duplicate and the first is untouched', async () => {
    const session = 'bare';
    const headers = { 'Nats-Msg-Id': 'bare-key' };
    const stored = await spark.publish({ type: TYPE, session }, script('Bare'), headers);
    const again = await spark.publish({ type: TYPE, session }, script('Bare', 'int x;'), headers);
    expect(again).toMatchObject({ duplicate: true, seq: stored.seq });
    const [row] = await settled(session, 1);
    expect(row).toMatchObject({ state: 'completed', idempotency_key: 'bare-key' });
    expect(spark.file('Assets/Bare.cs')?.toString()).toBe(script('Bare').code);
    // The same key over HTTP reaches the ledger, which knows the payload.
    expect((await post(session, 'bare-key', script('Bare', 'int x;'), 'body')).status).toBe(422);
    expect((await post(session, 'bare-key', script('Bare'), 'body')).body).toMatchObject({
      commandId: row?.['command_id'],
      duplicate: true,
    });
  });
});

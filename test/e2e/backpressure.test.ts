import { afterEach, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { effectsOn } from './support/history.js';

/** Post until refused never runs longer than this. */
const MANY = 400;
const AWAY_MS = 600_000;

describe('backpressure', () => {
  let home: string;
  let spark: Spark;

  const start = async (env: Record<string, string>) => {
    home = newHome();
    spark = await Spark.start({ home, env });
  };
  afterEach(async () => {
    await spark.stop();
    removeHome(home);
  });

  const post = (n: number, pad = 0) => {
    const name = `P${n}`;
    const code = `class ${name} { /* ${'x'.repeat(pad)} */ }`;
    return spark.http('/v1/commands', {
      body: {
        type: 'unity.generate_script',
        sessionId: 'pressure',
        idempotencyKey: `key-${n}`,
        payload: { name, path: `Assets/P/${name}.cs`, code },
      },
    });
  };

  /** Posts until the first refusal; the ids that were accepted, and the refusal. */
  async function fill(pad = 0) {
    const accepted: { n: number; commandId: string }[] = [];
    for (let n = 1; n < MANY; n++) {
      const answer = await post(n, pad);
      if (answer.status !== 202) return { accepted, refused: answer };
      accepted.push({ n, commandId: String(answer.body['commandId']) });
    }
    throw new Error(`${MANY} commands were taken and none refused`);
  }

  /** The simulator's own restart brings its editors back, however long they were to be away. */
  async function editorBack() {
    const { simulator } = spark.readEndpoints().pids;
    process.kill(simulator, 'SIGKILL');
    await eventually(() => expect(spark.readEndpoints().pids.simulator).not.toBe(simulator));
  }

  const completedOf = async (ids: readonly string[]) =>
    (
      await spark.sql<{ n: number }>(
        "SELECT count(*)::int AS n FROM spark_commands WHERE command_id = ANY($1) AND state = 'completed'",
        [ids],
      )
    )[0]?.n ?? 0;

  const expectRefusal = (refused: Awaited<ReturnType<typeof post>>, reason: string, position: number) => {
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ code: 'saturated', detail: reason, retryable: true });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(Number(refused.body['queuePosition'])).toBeGreaterThanOrEqual(position);
  };

  it('given a backlog above its mark, HTTP and spark.submit refuse with the place in the queue, nothing accepted is lost, and it opens again only below half', async () => {
    // 0.75 of 40: the brake comes on at 30 and goes off at 15.
    await start({ MCP_BACKLOG_MAX: '40' });
    await spark.sim('reload', { editor: 'default', ms: AWAY_MS });
    const { accepted, refused } = await fill();
    expect(accepted.length).toBeGreaterThanOrEqual(30);
    expect(accepted.length).toBeLessThanOrEqual(31);
    expectRefusal(refused, 'backlog', 30);
    const submit = await (await spark.nats()).request(
      'spark.submit.default.unity.delete_script.pressure',
      JSON.stringify({ path: 'Assets/P/P1.cs' }),
      { timeout: 10_000 },
    );
    expect(submit.json()).toMatchObject({ accepted: false, code: 'saturated' });
    // What is known already is no new command; a refused one was not stored.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect((await post(9_999)).status).toBe(429);

    // Slowly back: so that the way from 30 down to 15 can be watched.
    await spark.sim('faults', {
      editor: 'default',
      tool: 'create_script',
      fault: 'latency',
      ms: 300,
      count: 25,
    });
    await editorBackWithLatency();
    const ids = accepted.map(({ commandId }) => commandId);
    let openedAt: number | undefined;
    await eventually(
      async () => {
        const doneBefore = (await spark.effects()).length;
        const answer = await post(5_000);
        if (answer.status === 202) openedAt = accepted.length - doneBefore;
        expect(answer.status).toBe(202);
      },
      { timeoutMs: 60_000, everyMs: 20 },
    );
    expect(openedAt, 'commands that were open when it took new ones').toBeLessThanOrEqual(16);
    console.log(`closed at ${accepted.length}, opened again at ${openedAt}`);
    await eventually(async () => expect(await completedOf(ids)).toBe(ids.length), { timeoutMs: 60_000 });
    for (const { n } of accepted) expect(await effectsOn(spark, `Assets/P/P${n}.cs`)).toHaveLength(1);
    expect(spark.file('Assets/P/P9999.cs'), 'a refused command leaves nothing').toBeUndefined();
  });

  /** A restart of the simulator forgets faults too, so they are armed again before the worker looks. */
  async function editorBackWithLatency() {
    await editorBack();
    await eventually(() =>
      spark.sim('faults', { editor: 'default', tool: 'create_script', fault: 'latency', ms: 300, count: 25 }),
    );
  }

  it('given a full command stream, HTTP answers 429, JetStream refuses raw publishes, nothing stored is lost, and it opens again', async () => {
    const env = { MCP_COMMANDS_MAX_BYTES: '204800', MCP_PARK_AFTER_MS: '600000', SPARK_COALESCE_MS: '0' };
    await start(env);
    await spark.sim('reload', { editor: 'default', ms: AWAY_MS });
    const { accepted, refused } = await fill(8_000);
    expect(accepted.length).toBeGreaterThan(10);
    expectRefusal(refused, 'stream_full', accepted.length);

    const raw = (n: number, pad: number) =>
      spark.publish(
        { type: 'unity.generate_script', session: 'raw' },
        { name: `R${n}`, path: `Assets/R/R${n}.cs`, code: `class R${n} { /* ${'x'.repeat(pad)} */ }` },
      );
    // What room the brake has left is filled by raw publishes, down to the last bytes.
    const rawAccepted: number[] = [];
    for (const pad of [8_000, 500, 0]) {
      let full = false;
      for (let n = rawAccepted.length + 1; !full && n < MANY; n++)
        await raw(n, pad).then(
          () => rawAccepted.push(n),
          (error: Error) => {
            expect(error.message).toMatch(/maximum bytes exceeded/);
            full = true;
          },
        );
      expect(full, 'JetStream refuses').toBe(true);
    }

    await editorBack();
    const ids = accepted.map(({ commandId }) => commandId);
    await eventually(async () => expect(await completedOf(ids)).toBe(ids.length), { timeoutMs: 60_000 });
    for (const { n } of accepted) expect(await effectsOn(spark, `Assets/P/P${n}.cs`)).toHaveLength(1);
    await eventually(async () => {
      const rows = await spark.sql("SELECT state FROM spark_commands WHERE session_id = 'raw'");
      expect(rows).toEqual(rawAccepted.map(() => ({ state: 'completed' })));
    });
    await eventually(async () => expect((await post(7_777)).status).toBe(202), { timeoutMs: 60_000 });
    await eventually(async () => expect(spark.file('Assets/P/P7777.cs')).toBeDefined());
  });
});

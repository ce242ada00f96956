import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

const FLOOD = 800;
const FLOOD_PIPELINED = 200;

const script = (name: string) => ({
  name,
  path: `Assets/Limits/${name}.cs`,
  code: `public class ${name} {}\n`,
});

const look = { width: 64, height: 64, format: 'png', mode: 'fast' };
const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

describe('limits of one SPARK', () => {
  const home = newHome();
  const env = {
    SPARK_RATE_LIMITS: 'unity.render_preview=6/h;usage.report=5/s',
    MCP_PARK_AFTER_MS: '700',
    MCP_MAX_INFLIGHT: '64',
  };
  let spark: Spark;

  beforeAll(async () => {
    spark = await Spark.start({ home, env });
    for (const editor of ['away', 'flooded', 'slow']) await spark.sim('editors', { editor });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  const submit = async (sessionId: string, name: string, over: Record<string, unknown> = {}) => {
    const body = { type: 'unity.generate_script', sessionId, payload: script(name), ...over };
    const reply = await spark.http('/v1/commands', { body });
    expect(reply.status, JSON.stringify(reply.body)).toBe(202);
    return String(reply.body['commandId']);
  };
  const cancel = (commandId: string, waitS?: number) =>
    spark.http(`/v1/commands/${commandId}/cancel`, {
      body: { reason: 'not wanted any more' },
      ...(waitS === undefined ? {} : { headers: { prefer: `wait=${waitS}` } }),
    });
  const stateOf = async (commandId: string) => (await spark.http(`/v1/commands/${commandId}`)).body['state'];
  const terminalEvents = (commandId: string) =>
    spark.sql(
      "SELECT type, payload->>'outcome' AS outcome FROM spark_events WHERE command_id = $1 AND type NOT LIKE '%.started'",
      [commandId],
    );
  /** Keeps the editor away until the returned function is called. */
  const away = async (editor: string) => {
    const reload = () => spark.sim('reload', { editor, ms: 2_000 }).catch(() => undefined);
    await reload();
    const timer = setInterval(() => void reload(), 400);
    const back = () => clearInterval(timer);
    cleanUps.push(back);
    return back;
  };

  it('given more of a tool than its limit over HTTP, answers 429 with the limit, Retry-After and RateLimit headers', async () => {
    const ask = () =>
      spark.http('/v1/commands', {
        body: { type: 'unity.render_preview', sessionId: 'looker', payload: look },
      });
    const replies = [];
    for (let n = 0; n < 7; n++) replies.push(await ask());
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202, 202, 429]);
    const refused = replies.at(-1);
    expect(refused?.body).toMatchObject({
      code: 'rate_limited',
      retryable: true,
      rateLimit: { limit: 'unity.render_preview', count: 6, windowSeconds: 3_600 },
    });
    const retryAfterS = Number(refused?.headers.get('retry-after'));
    expect(retryAfterS).toBeGreaterThan(300);
    expect(refused?.headers.get('ratelimit-policy')).toBe('"unity.render_preview";q=6;w=3600');
    expect(refused?.headers.get('ratelimit')).toBe(`"unity.render_preview";r=0;t=${retryAfterS}`);
    const batch = await spark.http('/v1/commands', {
      body: [
        { type: 'unity.render_preview', sessionId: 'looker', payload: look },
        { type: 'unity.generate_script', sessionId: 'writer', payload: script('InBatch') },
      ],
    });
    expect([batch.status, batch.body]).toMatchObject([
      202,
      [{ code: 'rate_limited' }, { status: 'accepted' }],
    ]);
  });

  it('given more than the limit as raw publishes, holds them back and executes them all', async () => {
    const payload = { model: 'm', inputTokens: 1, outputTokens: 1 };
    const began = performance.now();
    for (let n = 0; n < 12; n++) await spark.publish({ type: 'usage.report', session: `raw-${n}` }, payload);
    await eventually(
      async () => {
        const [row] = await spark.sql(
          "SELECT count(*)::int AS n FROM spark_commands WHERE session_id LIKE 'raw-%' AND state = 'completed'",
        );
        expect(row).toEqual({ n: 12 });
      },
      { timeoutMs: 30_000 },
    );
    // A full bucket of five, the other seven at five a second.
    expect(performance.now() - began).toBeGreaterThan(1_200);
  });

  it('given an editor that is away, cancels what waits and what is parked at once; ended and unknown ones are refused', async () => {
    const back = await away('away');
    const first = await submit('c1', 'Stays', { editor: 'away' });
    const waiting = await submit('c1', 'Waits', { editor: 'away' });
    const answer = await cancel(waiting, 60);
    expect([answer.status, answer.body]).toEqual([
      200,
      { commandId: waiting, status: 'cancelled', state: 'cancelled' },
    ]);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const parked = await submit('c1', 'Parked', { editor: 'away' });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await cancel(parked, 60)).body['status']).toBe('cancelled');
    expect(['accepted', 'started']).toContain(await stateOf(first));
    back();
    expect((await spark.command(first))['state']).toBe('completed');
    expect([
      spark.file('Assets/Limits/Waits.cs', 'away'),
      spark.file('Assets/Limits/Parked.cs', 'away'),
    ]).toEqual([undefined, undefined]);
    const again = await cancel(waiting);
    expect([again.status, again.body]).toMatchObject([409, { code: 'already_ended', state: 'cancelled' }]);
    expect((await cancel(first)).body).toMatchObject({ code: 'already_ended', state: 'completed' });
    expect((await cancel('00000000-0000-8000-8000-000000000000')).status).toBe(404);
    await spark.command(waiting);
    const { body } = await spark.http(`/v1/commands/${waiting}`);
    expect(body).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' } });
    expect(await terminalEvents(waiting)).toEqual([
      { type: 'generate_unity_script.failed', outcome: 'cancelled' },
    ]);
  });

  it('given a running preview, stops it; given a change under way, finishes it and says that it is too late', async () => {
    // Long enough for its start to be seen on the standby and the wish to come back, however busy the machine.
    await spark.sim('faults', { editor: 'slow', tool: '*', fault: 'latency', ms: 12_000, count: 1 });
    const preview = await spark.publish(
      { editor: 'slow', type: 'unity.render_preview', session: 'p1' },
      look,
      {},
    );
    expect(preview.stream).toBe('SPARK_COMMANDS');
    const id = await eventually(async () => {
      const [row] = await spark.sql("SELECT command_id, state FROM spark_commands WHERE session_id = 'p1'");
      expect(row?.['state']).toBe('started');
      return String(row?.['command_id']);
    });
    // Not at its end: what has ended cannot be cancelled.
    expect((await cancel(id, 60)).body).toMatchObject({ status: 'cancelled' });
    await spark.sim('faults', undefined, 'DELETE');
    await eventually(async () =>
      expect(
        (
          await spark.submitAndWait({
            type: 'unity.generate_script',
            sessionId: 'p0',
            editor: 'slow',
            payload: script('Ready'),
          })
        ).status,
      ).toBe(200),
    );
    await spark.sim('faults', { editor: 'slow', tool: '*', fault: 'latency', ms: 6_000, count: 1 });
    const change = await submit('p2', 'Begun', { editor: 'slow' });
    await eventually(async () => expect(await stateOf(change)).toBe('started'));
    expect((await cancel(change)).body).toMatchObject({ status: 'too_late', state: 'started' });
    expect((await spark.command(change))['state']).toBe('completed');
    expect(spark.file('Assets/Limits/Begun.cs', 'slow')).toBeDefined();
  });

  it('given a deadline that passes while the editor is away, ends the command then and does not execute it', async () => {
    const back = await away('away');
    // May have begun before the editor was gone, and is finished then; what comes behind it has not.
    await submit('d1', 'Ahead', { editor: 'away' });
    const late = await submit('d1', 'Late', {
      editor: 'away',
      deadline: new Date(Date.now() + 1_500).toISOString(),
    });
    const ended = await spark.http(`/v1/commands/${late}`, { headers: { prefer: 'wait=60' } });
    expect(ended.body).toMatchObject({ state: 'failed', error: { code: 'deadline_exceeded' } });
    back();
    expect((await spark.command(await submit('d1', 'After', { editor: 'away' })))['state']).toBe('completed');
    expect(spark.file('Assets/Limits/Late.cs', 'away')).toBeUndefined();
  });

  it('given a higher priority, overtakes other sessions', async () => {
    const back = await away('away');
    for (let n = 0; n < 10; n++) await submit(`usual-${n}`, `Usual${n}`, { editor: 'away' });
    const urgent = await submit('urgent', 'Urgent', { editor: 'away', priority: 9 });
    back();
    await spark.command(urgent);
    await eventually(
      async () => {
        const paths = (await spark.effects())
          .map(({ path }) => path)
          .filter((path) => /(Usual|Urgent)/.test(path));
        expect(paths).toHaveLength(11);
        // One may have been at the editor when it went away.
        expect(paths.findIndex((path) => path.includes('Urgent'))).toBeLessThanOrEqual(1);
      },
      { timeoutMs: 60_000 },
    );
  });

  it('given a flood of one session, another session of the same editor gets through long before the flood ends', async () => {
    // As slow as real ones, or a fast machine is through with half of the flood before fairness has its say (2 s).
    await spark.sim('faults', { editor: 'flooded', tool: '*', fault: 'latency', ms: 15, count: FLOOD });
    const pending = new Set<Promise<unknown>>();
    for (let n = 0; n < FLOOD; n++) {
      const address = { editor: 'flooded', type: 'unity.generate_script', session: 'flood' };
      const one: Promise<unknown> = spark
        .publish(address, script(`Flood${n}`))
        .finally(() => pending.delete(one));
      pending.add(one);
      if (pending.size >= FLOOD_PIPELINED) await Promise.race(pending);
    }
    await Promise.all(pending);
    const done = async () =>
      (await spark.effects()).filter(({ editor, path }) => editor === 'flooded' && path.includes('Flood'))
        .length;
    const before = await done();
    const meek = await submit('meek', 'Meek', { editor: 'flooded' });
    const ended = await spark.http(`/v1/commands/${meek}`, { headers: { prefer: 'wait=30' } });
    expect(ended.body['state']).toBe('completed');
    const between = await done();
    console.log(
      `${before} of ${FLOOD} were done when the other session asked, ${between} when it had its turn`,
    );
    expect(between).toBeLessThan(FLOOD / 2);
    await eventually(async () => expect(await done()).toBe(FLOOD), { timeoutMs: 180_000, everyMs: 500 });
    const order = (await spark.effects())
      .flatMap(({ path }) => /Flood(\d+)\.cs$/.exec(path)?.[1] ?? [])
      .map(Number);
    expect(order, 'the order of the session holds through the parking').toEqual(
      order.toSorted((a, b) => a - b),
    );
    expect(order).toHaveLength(FLOOD);
  }, 300_000);

  it('given kill -9 right after the wish, ends as cancelled exactly once and is never executed', async () => {
    const back = await away('away');
    await submit('k1', 'Front', { editor: 'away' });
    const doomed = await submit('k1', 'Doomed', { editor: 'away' });
    expect((await cancel(doomed)).status).toBe(202);
    await spark.kill9();
    back();
    spark = await Spark.start({ home, env });
    expect((await spark.command(doomed))['state']).toBe('cancelled');
    expect((await spark.command(await submit('k1', 'Next', { editor: 'away' })))['state']).toBe('completed');
    expect(await terminalEvents(doomed)).toEqual([
      { type: 'generate_unity_script.failed', outcome: 'cancelled' },
    ]);
    expect(spark.file('Assets/Limits/Doomed.cs', 'away')).toBeUndefined();
  }, 120_000);
});

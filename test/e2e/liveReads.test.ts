import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { SseReader } from '../support/sseReader.js';
import { GENERATE, newScript as script } from './support/scripts.js';

describe('the ways to see what goes on', () => {
  const home = newHome();
  let spark: Spark;
  const streams: { close(): void }[] = [];

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterEach(() => {
    for (const stream of streams.splice(0)) stream.close();
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  const listen = async (session: string, headers: Record<string, string> = {}, query = '') => {
    const stream = await openStream(`${spark.endpoints.http}/v1/sessions/${session}/events${query}`, {
      authorization: `Bearer ${spark.endpoints.token}`,
      ...headers,
    });
    streams.push(stream);
    return stream;
  };
  const eventsOf = async (stream: SseReader, count: number) => {
    await stream.until(({ messages }) => messages.length >= count);
    // As data: history comes out of jsonb, which keeps the members but not their order.
    return stream.messages
      .slice(0, count)
      .map(({ id, event, data }) => ({ id, event, body: JSON.parse(data) as { eventId: string } }));
  };

  it('given Prefer: wait, 200 comes with the outcome; when the time is up first, 202 and a Location that has it later', async () => {
    const done = await spark.submitAndWait(
      { type: GENERATE, sessionId: 'wait', payload: script('Waited') },
      30,
    );
    expect(done.status).toBe(200);
    expect(done.headers.get('preference-applied')).toBe('wait');
    expect(done.body).toMatchObject({
      state: 'completed',
      attempts: 1,
      result: { path: 'Assets/Waited.cs' },
    });

    await spark.sim('reload', { editor: 'default', ms: 3_000 });
    const began = performance.now();
    const late = await spark.submitAndWait(
      { type: 'unity.delete_script', sessionId: 'wait', payload: { path: 'Assets/Waited.cs' } },
      1,
    );
    expect(late.status).toBe(202);
    expect(late.body).toMatchObject({ status: 'accepted' });
    expect(performance.now() - began).toBeGreaterThan(900);
    const location = late.headers.get('location') ?? '';
    expect(location).toBe(`/v1/commands/${String(late.body['commandId'])}`);
    const later = await spark.http(location, { headers: { prefer: 'wait=60' } });
    expect(later.body).toMatchObject({ state: 'completed', commandId: late.body['commandId'] });
    expect(later.headers.get('preference-applied')).toBe('wait');
    expect(later.headers.get('etag')).toMatch(/^"/);
    // The answer names who knew it: it stays as it is once the read model has the outcome.
    await spark.command(String(late.body['commandId']));
    const again = await spark.http(location);
    expect(again.body).toMatchObject({ state: 'completed', source: 'replica' });
    const unchanged = { 'if-none-match': again.headers.get('etag') ?? '' };
    expect((await spark.http(location, { headers: unchanged })).status).toBe(304);
  });

  it('given 202, the very next GET knows the command, every time, and never goes back', async () => {
    for (let n = 0; n < 20; n++) {
      const posted = await spark.http('/v1/commands', {
        body: { type: GENERATE, sessionId: 'ryw', payload: script(`Ryw${n}`) },
      });
      const location = posted.headers.get('location') ?? '';
      const seen: string[] = [];
      while (seen.at(-1) !== 'completed') {
        const view = await spark.http(location);
        expect(view.status).toBe(200);
        expect(view.body).toMatchObject({ sessionId: 'ryw', type: GENERATE });
        seen.push(String(view.body['state']));
      }
      const rank = ['accepted', 'started', 'completed'];
      const ranks = seen.map((state) => rank.indexOf(state));
      expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
      expect(ranks).not.toContain(-1);
    }
  });

  it('given an event stream that breaks, Last-Event-ID brings exactly what was missed, then what comes', async () => {
    const run = (name: string) =>
      spark.submitAndWait({ type: GENERATE, sessionId: 'sse', payload: script(name) });
    await run('SseA');
    const first = await listen('sse');
    const seen = await eventsOf(first, 2);
    expect(first.response.headers['content-type']).toMatch(/^text\/event-stream/);
    expect(seen.map(({ event }) => event)).toEqual([
      'generate_unity_script.started',
      'generate_unity_script.completed',
    ]);
    first.close();

    await run('SseB');
    const resumed = await listen('sse', { 'last-event-id': seen[0]?.id ?? '' });
    await run('SseC');
    const rest = await eventsOf(resumed, 5);
    const whole = await eventsOf(await listen('sse'), 6);
    expect(rest).toEqual(whole.slice(1));
    expect(whole[0]).toEqual(seen[0]);
    const ids = whole.map(({ id }) => Number(id));
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    const rows = await eventually(async () => {
      const stored = await spark.sql<{ seq: string; event_id: string }>(
        "SELECT seq, event_id FROM spark_events WHERE session_id = 'sse' ORDER BY seq",
      );
      expect(stored).toHaveLength(6);
      return stored;
    });
    expect(whole.map(({ id }) => id)).toEqual(rows.map(({ seq }) => seq));
    expect(whole.map(({ body }) => body.eventId)).toEqual(rows.map(({ event_id }) => event_id));

    const latest = await listen('sse', {}, '?from=latest');
    await run('SseD');
    const [live] = await eventsOf(latest, 1);
    expect(Number(live?.id)).toBeGreaterThan(ids.at(-1) ?? Number.NaN);
    expect((await spark.http('/v1/sessions/sse/events', { headers: { 'last-event-id': 'x' } })).status).toBe(
      422,
    );
  });

  it('health, version, metrics and the API description say what they should', async () => {
    const open = (path: string) => spark.http(path, { token: null });
    expect((await open('/livez')).body).toEqual({ status: 'ok' });
    const ready = await open('/readyz');
    expect(ready).toMatchObject({ status: 200, body: { status: 'ok' } });
    const checks = ready.body['checks'] as { name: string; ok: boolean }[];
    expect(checks.length).toBeGreaterThanOrEqual(3);
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect((await open('/healthz')).body).toMatchObject({ status: 'ok', version: '0.1.0' });
    expect((await open('/version')).body).toMatchObject({ name: 'spark', version: '0.1.0' });
    const metrics = await open('/metrics');
    const text = String(metrics.body);
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(text).toMatch(/^spark_commands_submitted_total\{[^}]*result="accepted"[^}]*\} [1-9]/m);
    expect(text).not.toContain(spark.endpoints.token);
    const api = await open('/openapi.json');
    expect(api.body).toMatchObject({ openapi: expect.stringMatching(/^3\.1/) as unknown });
    const paths = Object.keys(api.body['paths'] as object);
    expect(paths).toEqual(
      expect.arrayContaining([
        '/v1/commands',
        '/v1/commands/{id}',
        '/v1/sessions/{id}/events',
        '/v1/sessions/{id}/operations',
        '/v1/sessions/{id}/undo',
        '/v1/sessions/{id}/redo',
        '/v1/frames/{sha}',
        '/v1/dead-letters',
      ]),
    );
  });

  it('GET operations and dead letters are what the standby says', async () => {
    await spark.submitAndWait({ type: GENERATE, sessionId: 'listed', payload: script('Listed') });
    await spark.publish({ type: GENERATE, session: 'listed' }, 'no json');
    const operations = await eventually(async () => {
      const answer = await spark.http('/v1/sessions/listed/operations');
      expect(answer.body['items']).toHaveLength(1);
      return answer;
    });
    expect(operations.body).toMatchObject({
      items: [
        { path: 'Assets/Listed.cs', tool: GENERATE, state: 'applied', beforeSha256: null, editor: 'default' },
      ],
      freshness: { source: 'replica' },
    });
    await eventually(async () =>
      expect((await spark.http('/v1/dead-letters?sessionId=listed')).body['items']).toMatchObject([
        {
          reason: 'malformed_json',
          sessionId: 'listed',
          body: 'no json',
          originalSubject: `spark.commands.default.${GENERATE}.listed`,
        },
      ]),
    );
  });
});

function openStream(url: string, headers: Record<string, string>): Promise<SseReader> {
  return new Promise((resolve, reject) => {
    const req = request(url, { agent: false, headers }, (response) => resolve(new SseReader(response)));
    req.on('error', reject);
    req.end();
  });
}

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { uuidFrom } from '../../src/core/ids.js';
import { completedEvent } from '../support/httpFakes.js';
import { type Harness, startHarness } from '../support/httpHarness.js';
import { openEvents, type SseReader } from '../support/sseReader.js';

let spark: Harness;
const readers: SseReader[] = [];
beforeEach(async () => {
  spark = await startHarness({ sseHeartbeatMs: 20 });
});
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close();
  await spark.server.stop();
});

let n = 0;
const event = (sessionId = 's1', result: Record<string, unknown> = {}) =>
  completedEvent(uuidFrom('sse', ++n), sessionId, result);
const open = async (path: string, headers: Record<string, string> = {}) => {
  const reader = await openEvents(spark.server, path, headers);
  readers.push(reader);
  return reader;
};
const S1 = '/v1/sessions/s1/events';

describe('GET /v1/sessions/{id}/events', () => {
  it('given a history, then it comes from its beginning, then what happens, without other sessions', async () => {
    const first = spark.feed.append(event());
    spark.feed.append(event('s2'));
    const reader = await open(S1);
    await reader.until(({ messages }) => messages.length === 1);
    const second = spark.feed.append(event());
    await reader.until(({ messages }) => messages.length === 2);
    expect(reader.ids()).toEqual([first.seq, second.seq]);
    expect(reader.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.any(String),
    });
    const [message] = reader.messages;
    expect(message?.event).toBe('generate_unity_script.completed');
    expect(JSON.parse(message?.data ?? '')).toMatchObject({
      type: 'generate_unity_script.completed',
      sessionId: 's1',
      timestamp: expect.any(String),
      commandId: first.event.commandId,
      eventId: first.event.eventId,
      editor: 'default',
      outcome: 'completed',
    });
  });

  it.each(['header', 'query'])(
    'given a last event id in the %s, then only what came after it',
    async (place) => {
      const seqs = Array.from({ length: 5 }, () => spark.feed.append(event()).seq);
      const last = String(seqs[2]);
      const reader = await (place === 'header'
        ? open(S1, { 'last-event-id': last })
        : open(`${S1}?lastEventId=${last}`));
      await reader.until(({ messages }) => messages.length === 2);
      expect(reader.ids()).toEqual(seqs.slice(3));
    },
  );

  it('given from=latest, then history is left out', async () => {
    spark.feed.append(event());
    const reader = await open(`${S1}?from=latest`);
    await reader.until(() => spark.feed.listeners === 1);
    const next = spark.feed.append(event());
    await reader.until(({ messages }) => messages.length === 1);
    expect(reader.ids()).toEqual([next.seq]);
  });

  it('given more history than a page and events while it is read, then all come once and in order', async () => {
    const seqs = Array.from({ length: 1_234 }, () => spark.feed.append(event()).seq);
    let pages = 0;
    spark.reads.beforePage = () => {
      if (++pages <= 3) seqs.push(spark.feed.append(event()).seq);
    };
    const reader = await open(S1);
    await reader.until(({ messages }) => messages.length >= 1_237);
    expect(reader.ids()).toEqual(seqs);
  });

  it('given a read model that does not catch up, then reset is said and live events follow', async () => {
    spark.feed.append(event());
    spark.reads.appliedSeq = 0;
    const reader = await open(S1);
    await reader.until(({ messages }) => messages.length === 1);
    expect(reader.messages[0]).toMatchObject({ event: 'reset', id: undefined });
    expect(JSON.parse(reader.messages[0]?.data ?? '')).toMatchObject({
      reason: 'read_models_behind',
      from: 'live',
    });
    const live = spark.feed.append(event());
    await reader.until(({ messages }) => messages.length === 2);
    expect(reader.ids()).toEqual([live.seq]);
  });

  it('given Postgres away, then reset is said and live events follow', async () => {
    spark.reads.down = true;
    const reader = await open(S1);
    await reader.until(({ messages }) => messages.length === 1);
    expect(JSON.parse(reader.messages[0]?.data ?? '')).toMatchObject({ reason: 'read_models_unavailable' });
    spark.feed.append(event());
    await reader.until(({ messages }) => messages.length === 2);
  });

  it('given an id that this log has never reached, then reset is said and everything follows', async () => {
    const seqs = [spark.feed.append(event()).seq, spark.feed.append(event()).seq];
    spark.reads.appliedSeq = spark.feed.lastSeq();
    const reader = await open(S1, { 'last-event-id': '999999999' });
    await reader.until(({ messages }) => messages.length === 3);
    expect(JSON.parse(reader.messages[0]?.data ?? '')).toMatchObject({
      reason: 'unknown_event_id',
      from: 'beginning',
    });
    expect(reader.ids()).toEqual(seqs);
  });

  it('given silence, then heartbeats come as comments', async () => {
    const reader = await open(S1);
    await reader.until(({ comments }) => comments.filter((text) => text === 'heartbeat').length >= 2);
    expect(reader.comments[0]).toBe('connected');
  });

  it('given a client that leaves, then nothing of it stays', async () => {
    const reader = await open(S1);
    await reader.until(() => spark.feed.listeners === 1);
    reader.close();
    await until(() => spark.feed.listeners === 0);
    expect(await spark.options.metrics.text()).toContain('spark_sse_clients 0');
  });

  it('given a client that does not read, then it is cut and counted, and others are not held up', async () => {
    const slow = await open(S1);
    slow.response.pause();
    const quick = await open(S1);
    await until(() => spark.feed.listeners === 2);
    const big = { text: 'x'.repeat(200_000) };
    let sent = 0;
    for (; sent < 500 && spark.feed.listeners === 2; sent++) {
      spark.feed.append(event('s1', big));
      await quick.until(({ messages }) => messages.length === sent + 1);
    }
    expect(sent).toBeLessThan(500);
    expect(await spark.options.metrics.text()).toMatch(
      /spark_sse_clients_dropped_total\{reason="(slow|stalled)"\} 1/,
    );
    expect(quick.ended).toBe(false);
  });

  it.each([
    ['/v1/sessions/a.b/events', {}],
    [`${S1}?from=middle`, {}],
    [`${S1}?lastEventId=-1`, {}],
    [S1, { 'last-event-id': 'abc' }],
  ])('given %s %o, then it is 422, before any stream', async (path, headers) => {
    expect((await spark.call('GET', path, { headers })).status).toBe(422);
  });

  it('given a stop, then streams end cleanly', async () => {
    const reader = await open(S1);
    await reader.until(({ comments }) => comments.length > 0);
    await spark.server.stop();
    await reader.untilEnd();
    expect(reader.comments.at(-1)).toBe('bye');
    expect(reader.response.complete).toBe(true);
  });
});

/** Waits for something that gives no signal of its own; every turn of the loop is a real one. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

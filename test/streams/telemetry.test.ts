import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { createLiveFeed } from '../../src/streams/liveFeed.js';
import { MAX_QUEUED_TELEMETRY, type Telemetry, TelemetryQueue } from '../../src/streams/telemetryQueue.js';

type Connection = Parameters<typeof createLiveFeed>[0];

/** A connection that comes and goes as the test says, and keeps what was published. */
function connection() {
  const published: string[] = [];
  const waiting: ((status: { type: string }) => void)[] = [];
  const nc = {
    publish: (_subject: string, body: Uint8Array) => published.push(Buffer.from(body).toString()),
    isClosed: () => false,
    status: async function* () {
      for (;;) yield await new Promise<{ type: string }>((resolve) => waiting.push(resolve));
    },
  };
  const becomes = async (type: 'disconnect' | 'reconnect') => {
    waiting.shift()?.({ type });
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  return { nc: nc as unknown as Connection, published, becomes };
}

function feedOn(nc: Connection) {
  const dropped = { frame: 0, progress: 0 };
  const feed = createLiveFeed(nc, systemClock, {
    frameDropped: () => dropped.frame++,
    progressDropped: () => dropped.progress++,
  });
  const frame = (at: number) =>
    feed.frame({
      ...{ sessionId: 's', editor: 'default', commandId: `c${at}`, frameSha256: 'ab', mime: 'image/png' },
      ...{ widthPx: 1, heightPx: 1 },
    });
  return { feed, frame, dropped };
}

describe('telemetry', () => {
  it('given 10,000 frames while the connection is away, then the newest 1,000 go out in order and every other is counted', async () => {
    const { nc, published, becomes } = connection();
    const { feed, frame, dropped } = feedOn(nc);
    await becomes('disconnect');
    for (let at = 0; at < 10_000; at++) {
      frame(at);
      expect(feed.telemetryDepth).toBeLessThanOrEqual(MAX_QUEUED_TELEMETRY);
    }
    expect([published.length, dropped.frame, feed.telemetryDepth]).toEqual([0, 9_000, 1_000]);
    await becomes('reconnect');
    expect(feed.telemetryDepth).toBe(0);
    expect(published.map((body) => JSON.parse(body).commandId)).toEqual(
      Array.from({ length: 1_000 }, (_, at) => `c${9_000 + at}`),
    );
  });

  it('given a connection, then each goes out at once; what was produced is delivered, dropped or waits, whatever comes and goes', async () => {
    const { nc, published, becomes } = connection();
    const { feed, frame, dropped } = feedOn(nc);
    frame(0);
    expect(published).toHaveLength(1);
    let produced = 1;
    for (const burst of [10, 1_500, 3, 2_700]) {
      await becomes('disconnect');
      for (let at = 0; at < burst; at++, produced++) frame(at);
      expect(published.length + dropped.frame + feed.telemetryDepth).toBe(produced);
      await becomes('reconnect');
      expect(published.length + dropped.frame).toBe(produced);
    }
    expect(dropped.frame).toBe(500 + 1_700);
  });

  it('given frames and ticks together, then both share the limit and each drop is counted as what it was', () => {
    const dropped: Telemetry['kind'][] = [];
    const queue = new TelemetryQueue(
      () => false,
      () => undefined,
      (kind) => dropped.push(kind),
    );
    const body = new Uint8Array();
    queue.add({ kind: 'progress', subject: 'a', body });
    for (let at = 0; at < 1_001; at++) queue.add({ kind: 'frame', subject: 'b', body });
    expect([dropped, queue.depth]).toEqual([['progress', 'frame'], 1_000]);
  });
});

import type { NatsConnection } from 'nats';
import type { Clock } from '../core/clock.js';
import { liveBodyOf, liveSubjectOf } from '../events/live.js';
import type { LiveFeed } from '../workers/ports.js';
import { ProgressFeed } from './progressFeed.js';
import { TelemetryQueue } from './telemetryQueue.js';

const encoder = new TextEncoder();

export interface LiveStats {
  frameDropped(): void;
  progressDropped(): void;
}

/**
 * Copies of stored events on the subjects that clients already use: core NATS, at most once, nobody waits for them. While the
 * connection is away copies of facts are skipped (SSE resumes from the log) and telemetry waits in a bounded queue.
 */
export function createLiveFeed(
  nc: NatsConnection,
  clock: Clock,
  stats: LiveStats,
): LiveFeed & { readonly telemetryDepth: number } {
  const isOpen = () => connected && !nc.isClosed();
  const queue = new TelemetryQueue(isOpen, nc.publish.bind(nc), (kind) =>
    kind === 'frame' ? stats.frameDropped() : stats.progressDropped(),
  );
  const progress = new ProgressFeed(queue, clock);
  let connected = true;
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') connected = false;
      if (status.type === 'reconnect') {
        connected = true;
        queue.drain();
      }
    }
  })();
  return {
    /** Frames and ticks that wait for the connection. */
    get telemetryDepth() {
      return queue.depth;
    },
    published: (events) => {
      if (!isOpen()) return;
      for (const event of events)
        nc.publish(liveSubjectOf(event), encoder.encode(JSON.stringify(liveBodyOf(event))));
    },
    progress: (tick) => progress.add(tick),
    unitProgress: (tick) => progress.addUnit(tick),
    frame: (frame) => {
      const subject = `spark.preview.unity.frame.${frame.sessionId}`;
      const body = {
        type: 'preview.frame',
        sessionId: frame.sessionId,
        timestamp: new Date(clock.nowMs()).toISOString(),
        commandId: frame.commandId,
        editor: frame.editor,
        frameRef: `/v1/frames/${frame.frameSha256}`,
        mime: frame.mime,
        widthPx: frame.widthPx,
        heightPx: frame.heightPx,
      };
      queue.add({ kind: 'frame', subject, body: encoder.encode(JSON.stringify(body)) });
    },
  };
}

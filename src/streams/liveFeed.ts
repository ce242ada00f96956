import type { NatsConnection } from 'nats';
import type { Clock } from '../core/clock.js';
import { liveBodyOf, liveSubjectOf } from '../events/live.js';
import type { LiveFeed } from '../workers/ports.js';

/** Telemetry waiting for the connection; above this the oldest goes (product.md section 2). */
const MAX_QUEUED_FRAMES = 1_000;
const encoder = new TextEncoder();

export interface LiveStats {
  frameDropped(): void;
}

/**
 * Copies of stored events on the subjects that clients already use: core NATS, at most once, nobody waits for them. While the
 * connection is away copies of facts are skipped (SSE resumes from the log) and frames wait in a bounded queue.
 */
export function createLiveFeed(nc: NatsConnection, clock: Clock, stats: LiveStats): LiveFeed {
  let connected = true;
  const frames: { subject: string; body: Uint8Array }[] = [];
  const drain = () => {
    for (const frame of frames.splice(0)) nc.publish(frame.subject, frame.body);
  };
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') connected = false;
      if (status.type === 'reconnect') {
        connected = true;
        drain();
      }
    }
  })();
  return {
    published: (events) => {
      if (!connected || nc.isClosed()) return;
      for (const event of events)
        nc.publish(liveSubjectOf(event), encoder.encode(JSON.stringify(liveBodyOf(event))));
    },
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
      frames.push({ subject, body: encoder.encode(JSON.stringify(body)) });
      if (frames.length > MAX_QUEUED_FRAMES) {
        frames.shift();
        stats.frameDropped();
      }
      if (connected && !nc.isClosed()) drain();
    },
  };
}

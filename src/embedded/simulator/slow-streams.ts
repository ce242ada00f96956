/**
 * Event streams whose answer takes its time: after a second the headers go out, so that the caller knows it is being
 * served, and every 15 s a comment, so that nothing on the way takes the connection for dead. One ticker for all,
 * because a timer for each of thousands of fast calls a second would cost more than the calls.
 */
import type { ServerResponse } from 'node:http';

const TICK_MS = 1_000;
const COMMENT_EVERY_TICKS = 15;
const HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' };

export interface SlowStreams {
  /** `sessionId` when the headers are still to be sent. */
  add(response: ServerResponse, sessionId?: string): void;
  remove(response: ServerResponse): void;
  stop(): void;
}

export function watchSlowStreams(): SlowStreams {
  const open = new Map<ServerResponse, { sessionId: string | undefined; ticks: number }>();
  const ticker = setInterval(() => {
    for (const [response, stream] of open) {
      stream.ticks += 1;
      // The first tick may come at once after the call began; the second is at least a full one later.
      if (stream.ticks === 2 && stream.sessionId !== undefined && !response.headersSent) {
        response.writeHead(200, { ...HEADERS, 'mcp-session-id': stream.sessionId });
        response.flushHeaders();
      }
      if (stream.ticks % COMMENT_EVERY_TICKS === 0 && !response.destroyed) response.write(': ping\r\n\r\n');
    }
  }, TICK_MS);
  ticker.unref();
  return {
    add(response, sessionId) {
      open.set(response, { sessionId, ticks: 0 });
    },
    remove(response) {
      open.delete(response);
    },
    stop() {
      clearInterval(ticker);
      for (const response of open.keys()) response.socket?.destroy();
      open.clear();
    },
  };
}

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { liveBodyOf } from '../events/live.js';
import { HTTP_LIMITS } from './limits.js';
import type { StreamedEvent } from './readPort.js';

export type DropReason = 'slow' | 'stalled' | 'waiting_full';

// One event goes to every client of its session: it is put into text once.
const frames = new WeakMap<StreamedEvent, string>();

function frameOf(event: StreamedEvent): string {
  let frame = frames.get(event);
  if (frame === undefined) {
    frame = `id: ${event.seq}\nevent: ${event.event.type}\ndata: ${JSON.stringify(liveBodyOf(event.event))}\n\n`;
    frames.set(event, frame);
  }
  return frame;
}

/**
 * One open event stream. What the client does not take in time is not kept for it: above the byte limit, or when nothing
 * moved between two heartbeats, it is cut, and comes back with its `Last-Event-ID`.
 */
export class SseClient {
  readonly #res: ServerResponse;
  readonly #onDrop: (reason: DropReason) => void;
  readonly #onSent: () => void;
  #stuckSinceHeartbeat = false;

  constructor(res: ServerResponse, hooks: { onDrop(reason: DropReason): void; onSent(): void }) {
    this.#res = res;
    this.#onDrop = hooks.onDrop;
    this.#onSent = hooks.onSent;
    res.on('drain', () => {
      this.#stuckSinceHeartbeat = false;
    });
  }

  open(): void {
    this.#res.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    this.#write(`retry: ${HTTP_LIMITS.sseRetryMs}\n: connected\n\n`);
  }

  send(event: StreamedEvent): void {
    if (this.#write(frameOf(event))) this.#onSent();
  }

  /** Tells the client that what it has is not gap-free; `from` says what follows. */
  reset(reason: string, detail: string, from: 'beginning' | 'live'): void {
    this.#write(`event: reset\ndata: ${JSON.stringify({ reason, detail, from })}\n\n`);
  }

  heartbeat(): void {
    if (this.#res.writableNeedDrain && this.#stuckSinceHeartbeat) {
      this.drop('stalled');
      return;
    }
    this.#stuckSinceHeartbeat = this.#res.writableNeedDrain;
    this.#write(': heartbeat\n\n');
  }

  /** Resolves once the client has taken what was written; at once when it has, or when it is gone. */
  async taken(signal: AbortSignal): Promise<void> {
    if (!this.#res.writableNeedDrain || signal.aborted) return;
    try {
      await once(this.#res, 'drain', { signal });
    } catch {
      // Aborted: the caller looks at its signal.
    }
  }

  drop(reason: DropReason): void {
    if (this.#res.destroyed) return;
    this.#onDrop(reason);
    this.#res.destroy();
  }

  end(): void {
    if (!this.#res.writableEnded && !this.#res.destroyed) this.#res.end(': bye\n\n');
  }

  #write(text: string): boolean {
    if (this.#res.writableEnded || this.#res.destroyed) return false;
    this.#res.write(text);
    if (this.#res.writableLength <= HTTP_LIMITS.sseClientBufferBytes) return true;
    this.drop('slow');
    return false;
  }
}

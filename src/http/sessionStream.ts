import { messageOf } from '../core/errors.js';
import { HTTP_LIMITS } from './limits.js';
import type { Feed } from './ports.js';
import type { ReadModels, ReadSource, StreamedEvent } from './readPort.js';

/** Where a session's events go: `SseClient`, or a list in a test. */
export interface StreamSink {
  send(event: StreamedEvent): void;
  reset(reason: string, detail: string, from: 'beginning' | 'live'): void;
  drop(reason: 'waiting_full'): void;
  taken(signal: AbortSignal): Promise<void>;
}

export interface SessionStreamRequest {
  readonly sessionId: string;
  /** `Last-Event-ID`: the newest `seq` the client has; undefined when it has none. */
  readonly after: number | undefined;
  /** Without `after`: begin with what happens from now on instead of with the session's first event. */
  readonly fromLatest: boolean;
}

/**
 * Joins a session's history to its live feed without a gap and without a repeat: (1) the feed is subscribed and held back,
 * (2) the read model is waited for until it has what the feed had seen by then, so together they have everything, (3) history
 * is read, (4) what was held back follows, then the feed itself. `seq` only ever grows, whatever the two sources send twice.
 * When history cannot be had, the client is told (`reset`) and gets the live events. Resolves when live; unsubscribes on abort.
 */
export async function streamSession(
  ports: { readonly feed: Feed; readonly reads: ReadModels },
  request: SessionStreamRequest,
  sink: StreamSink,
  signal: AbortSignal,
): Promise<void> {
  const cursor = new Cursor(request.after ?? 0, sink);
  const waiting: StreamedEvent[] = [];
  let live = false;
  const unsubscribe = ports.feed.onSession(request.sessionId, (logged) => {
    if (live) cursor.deliver(logged);
    else if (waiting.length < HTTP_LIMITS.sseWaitingEvents) waiting.push(logged);
    else sink.drop('waiting_full');
  });
  signal.addEventListener('abort', unsubscribe, { once: true });
  if (signal.aborted) return unsubscribe();
  // In the same turn as the subscription: nothing can fall between the two.
  const seenByFeed = ports.feed.lastSeq();

  if (request.after !== undefined || !request.fromLatest)
    await replay(ports.reads, request, seenByFeed, cursor, sink, signal);
  while (waiting.length > 0 && !signal.aborted) {
    for (const logged of waiting.splice(0, HTTP_LIMITS.sseHistoryPage)) cursor.deliver(logged);
    await sink.taken(signal);
  }
  live = true;
}

/** Gives on what is newer than everything given before. */
class Cursor {
  seq: number;
  readonly #sink: StreamSink;
  constructor(seq: number, sink: StreamSink) {
    this.seq = seq;
    this.#sink = sink;
  }
  deliver(event: StreamedEvent): void {
    if (event.seq <= this.seq) return;
    this.seq = event.seq;
    this.#sink.send(event);
  }
}

async function replay(
  reads: ReadModels,
  request: SessionStreamRequest,
  seenByFeed: number,
  cursor: Cursor,
  sink: StreamSink,
  signal: AbortSignal,
): Promise<void> {
  try {
    let state = await reads.waitForSeq(seenByFeed, HTTP_LIMITS.sseHistoryWaitMs, signal);
    if (signal.aborted) return;
    if (!state.reached)
      return sink.reset(
        'read_models_behind',
        'the history is not complete yet; only live events follow',
        'live',
      );
    if (cursor.seq > seenByFeed) {
      // Either another process saw more of the log than this one, or the id is from another log altogether.
      const ahead = await reads.waitForSeq(cursor.seq, HTTP_LIMITS.sseHistoryWaitMs, signal);
      if (signal.aborted) return;
      if (ahead.reached) state = ahead;
      else {
        cursor.seq = 0;
        sink.reset(
          'unknown_event_id',
          'the last event id is not of this log; everything follows',
          'beginning',
        );
      }
    }
    await sendHistory(reads, request.sessionId, state.source, cursor, sink, signal);
  } catch (error) {
    if (signal.aborted) return;
    sink.reset('read_models_unavailable', `${messageOf(error)}; only live events follow`, 'live');
  }
}

async function sendHistory(
  reads: ReadModels,
  sessionId: string,
  source: ReadSource,
  cursor: Cursor,
  sink: StreamSink,
  signal: AbortSignal,
): Promise<void> {
  const limit = HTTP_LIMITS.sseHistoryPage;
  for (;;) {
    // From the source that was waited for: the other one may be behind it.
    const { data } = await reads.sessionEventsAfter(sessionId, cursor.seq, limit, source);
    if (signal.aborted) return;
    for (const event of data) cursor.deliver(event);
    if (data.length < limit) return;
    await sink.taken(signal);
    if (signal.aborted) return;
  }
}

import { type Clock, pause } from '../core/clock.js';
import { messageOf } from '../core/errors.js';
import { type Api, segment } from './api.js';
import { ApiError, RequestTimeoutError, UnreachableError } from './errors.js';
import { type SseEvent, SseParser } from './sse.js';

const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 5_000;

export type FollowStep =
  /** The stream is open (again). */
  | { readonly step: 'open' }
  | { readonly step: 'event'; readonly event: SseEvent }
  /** The stream ended; the next try comes after `retryMs` and resumes behind the last event. */
  | { readonly step: 'lost'; readonly reason: string; readonly retryMs: number };

/**
 * The events of a session as they come, over reconnects, resumed by `Last-Event-ID`; ends when the signal aborts.
 * Throws what a first connect fails with, and any refusal (4xx): only a stream that once stood is tried again.
 */
export async function* followSession(
  api: Api,
  options: {
    sessionId: string;
    /** Without `lastEventId`: the session's first event, or what happens from now on. */
    from: 'beginning' | 'latest';
    lastEventId?: string;
    clock: Clock;
    signal: AbortSignal;
  },
): AsyncGenerator<FollowStep> {
  const { clock, signal } = options;
  let lastId = options.lastEventId;
  let retryMs = FIRST_RETRY_MS;
  let wasOpen = false;
  const path = `/v1/sessions/${segment(options.sessionId)}/events?from=${options.from}`;
  while (!signal.aborted) {
    let reason = 'the server ended the stream';
    try {
      const headers: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId };
      const response = await api.open(path, headers, signal);
      wasOpen = true;
      yield { step: 'open' };
      for await (const event of eventsOf(response)) {
        lastId = event.id ?? lastId;
        retryMs = event.retryMs ?? FIRST_RETRY_MS;
        yield { step: 'event', event };
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!wasOpen || !mayReturn(error)) throw error;
      reason = messageOf(error);
    }
    if (signal.aborted) return;
    yield { step: 'lost', reason, retryMs };
    await pause(clock, retryMs, signal);
    retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
  }
}

/** Whether a stream that broke with this may come back: anything but a refusal. */
function mayReturn(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 429 || error.status >= 500;
  return (
    !(error instanceof RangeError) ||
    error instanceof UnreachableError ||
    error instanceof RequestTimeoutError
  );
}

async function* eventsOf(response: Response): AsyncGenerator<SseEvent> {
  if (!response.body) return;
  const parser = new SseParser();
  const decoder = new TextDecoder();
  for await (const chunk of response.body) yield* parser.push(decoder.decode(chunk, { stream: true }));
}

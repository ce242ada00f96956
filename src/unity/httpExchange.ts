import type { Dispatcher } from 'undici';
import { type AbortWatcher, unwatchAbort, watchAbort } from './abortWatch.js';
import { SseParser } from './sseParser.js';

/** One HTTP POST (or GET, DELETE) over a pool, read as it comes. Raw `dispatch`: no streams, no promises per chunk. */
export interface ExchangeRequest {
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly path: string;
  /** Flat name, value list. */
  readonly headers: readonly string[];
  readonly body: string | null;
  /** From dispatch to the end of the answer; also the longest silence. */
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
  readonly signal: AbortSignal;
  /** Is this the message waited for? Returning true ends the exchange for the caller; the rest of the stream drains by itself. */
  readonly accept?: (message: string) => boolean;
}

export type ExchangeEnd =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly sessionId: string | null;
      readonly body: string;
    }
  /** `accept` took a message of the event stream. */
  | { readonly kind: 'accepted'; readonly sessionId: string | null }
  | { readonly kind: 'answer_too_large' }
  | { readonly kind: 'failed'; readonly sent: boolean; readonly reason: string };

/**
 * Sends one request. `failed.sent` false means that undici never had a socket for it: certainly not executed. undici calls
 * `onRequestStart` right before it writes to a live socket, and it does not repeat a POST, so this line is exact.
 */
export function exchange(
  pool: Dispatcher,
  request: ExchangeRequest,
  monotonicMs: () => number,
): Promise<ExchangeEnd> {
  return new Promise((resolve) => {
    const handler = new ExchangeHandler(request, monotonicMs, resolve);
    if (request.signal.aborted) return handler.onAbort();
    watchAbort(request.signal, handler);
    try {
      pool.dispatch(
        {
          method: request.method,
          path: request.path,
          headers: request.headers as string[],
          body: request.body,
          headersTimeout: request.timeoutMs,
          bodyTimeout: request.timeoutMs,
        },
        handler,
      );
    } catch (error) {
      handler.onResponseError(undefined, error as Error);
    }
  });
}

class ExchangeHandler implements Dispatcher.DispatchHandler, AbortWatcher {
  private readonly request: ExchangeRequest;
  private readonly monotonicMs: () => number;
  private readonly resolve: (end: ExchangeEnd) => void;
  private readonly deadlineMs: number;
  private controller: Dispatcher.DispatchController | undefined;
  private settled = false;
  private status = 0;
  private sessionId: string | null = null;
  private sse: SseParser | null = null;
  private chunks: Buffer[] = [];
  private bytes = 0;

  constructor(request: ExchangeRequest, monotonicMs: () => number, resolve: (end: ExchangeEnd) => void) {
    this.request = request;
    this.monotonicMs = monotonicMs;
    this.resolve = resolve;
    this.deadlineMs = monotonicMs() + request.timeoutMs;
  }

  onAbort(): void {
    this.fail('aborted');
    this.controller?.abort(new Error('aborted'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // Aborted while it waited for a connection: undici asks here for the last time before it writes.
    if (this.settled) controller.abort(new Error('aborted'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.status = status;
    const session = headers['mcp-session-id'];
    this.sessionId = typeof session === 'string' ? session : null;
    const type = headers['content-type'];
    const { accept } = this.request;
    if (accept && status === 200 && typeof type === 'string' && type.startsWith('text/event-stream')) {
      this.sse = new SseParser((data) => {
        if (!this.settled && accept(data)) this.settle({ kind: 'accepted', sessionId: this.sessionId });
      });
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.bytes > this.request.maxAnswerBytes) {
      this.settle({ kind: 'answer_too_large' });
      controller.abort(new Error('answer too large'));
      return;
    }
    if (this.settled) return;
    if (this.sse) this.sse.feed(chunk);
    else this.chunks.push(chunk);
    // A server that pings on the stream keeps undici's silence timeout from firing: the total is checked here.
    if (!this.settled && this.monotonicMs() > this.deadlineMs) {
      this.fail('timeout');
      controller.abort(new Error('timeout'));
    }
  }

  onResponseEnd(): void {
    if (this.settled) return;
    if (this.sse) {
      this.sse.end();
      this.fail('the stream ended without an answer');
      return;
    }
    const body = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks);
    this.settle({
      kind: 'answered',
      status: this.status,
      sessionId: this.sessionId,
      body: body?.toString('utf8') ?? '',
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const code = (error as { code?: unknown }).code;
    this.fail(typeof code === 'string' ? code : error.message);
  }

  private fail(reason: string): void {
    this.settle({ kind: 'failed', sent: this.controller !== undefined, reason });
  }

  private settle(end: ExchangeEnd): void {
    if (this.settled) return;
    this.settled = true;
    this.chunks = [];
    unwatchAbort(this.request.signal, this);
    this.resolve(end);
  }
}

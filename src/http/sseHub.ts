import type { ServerResponse } from 'node:http';
import { every } from '../core/clock.js';
import type { Logger } from '../observability/logger.js';
import type { Metrics } from '../observability/metrics.js';
import { HTTP_LIMITS } from './limits.js';
import { SseClient } from './sseClient.js';

/** Every open event stream of this process: one heartbeat for all of them, counted, and ended together. */
export class SseHub {
  readonly #clients = new Map<SseClient, AbortController>();
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #heartbeatMs: number;
  #stopHeartbeat: (() => void) | undefined;
  #stopped = false;

  constructor(metrics: Metrics, logger: Logger, heartbeatMs: number = HTTP_LIMITS.sseHeartbeatMs) {
    this.#metrics = metrics;
    this.#logger = logger;
    this.#heartbeatMs = heartbeatMs;
    metrics.collect('spark_sse_clients', () => this.#clients.size);
  }

  get full(): boolean {
    return this.#stopped || this.#clients.size >= HTTP_LIMITS.sseClients;
  }

  start(): void {
    this.#stopHeartbeat ??= every(
      this.#heartbeatMs,
      () => {
        for (const client of this.#clients.keys()) client.heartbeat();
      },
      (error) => this.#logger.error({ err: error }, 'the heartbeat of the event streams failed'),
    );
  }

  /** Opens a stream on `res`; the signal aborts when the client is gone, dropped or sent away. */
  add(res: ServerResponse): { client: SseClient; signal: AbortSignal } {
    const gone = new AbortController();
    const client = new SseClient(res, {
      onDrop: (reason) => this.#metrics.inc('spark_sse_clients_dropped_total', { reason }),
      onSent: () => this.#metrics.inc('spark_sse_events_total', {}),
    });
    this.#clients.set(client, gone);
    res.once('close', () => {
      this.#clients.delete(client);
      gone.abort();
    });
    res.on('error', () => {});
    client.open();
    return { client, signal: gone.signal };
  }

  stop(): void {
    this.#stopped = true;
    this.#stopHeartbeat?.();
    this.#stopHeartbeat = undefined;
    for (const [client, gone] of this.#clients) {
      gone.abort();
      client.end();
    }
  }
}

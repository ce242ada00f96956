import { setMaxListeners } from 'node:events';
import { Pool } from 'undici';
import type { Clock } from '../core/clock.js';
import { Bulkhead, BulkheadFullError } from '../resilience/bulkhead.js';
import {
  CircuitBreaker,
  type CircuitLimits,
  CircuitOpenError,
  type CircuitState,
} from '../resilience/circuitBreaker.js';
import { Retry } from '../resilience/retry.js';
import type { MediaFile, ServiceAnswer } from '../workers/servicesPort.js';
import type { ServiceCall } from './answerSchemas.js';
import { type Classified, classifyReply } from './classifyReply.js';
import { exchangeWithService } from './serviceExchange.js';

/** Product.md section 1: at most 10 concurrent calls per endpoint, 3 attempts. */
export const MAX_CONCURRENT_CALLS = 10;
export const MAX_ATTEMPTS = 3;
/** Each holds a file of up to 50 MB: those beyond wait in the stream. */
const MAX_QUEUED_CALLS = 10;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Most HTTP servers take headers of 16 KB altogether. */
const MAX_PARAMETERS_BYTES = 12 * 1024;
const RETRY_BASE_MS = 200;
const RETRY_MAX_MS = 2_000;
const CONNECT_TIMEOUT_MS = 3_000;
const KEEP_ALIVE_MS = 4_000;
const QUEUE_FULL_RETRY_MS = 500;

export interface ServiceEndpoint {
  /** Its name in metrics and messages: `cv`, `asr`. */
  readonly name: string;
  readonly url: string;
  readonly token: string | undefined;
  readonly timeoutMs: number;
  readonly maxRequestBytes: number;
}

export interface ServiceClientOptions {
  readonly endpoint: ServiceEndpoint;
  readonly clock: Clock;
  readonly random: () => number;
  readonly circuit: CircuitLimits;
  readonly onState?: (endpoint: string, state: CircuitState) => void;
  /** Told of every request that was answered or failed, for metrics. Must not throw. */
  readonly onCall?: (report: ServiceCallReport) => void;
}

export interface ServiceCallReport {
  readonly service: string;
  readonly call: ServiceCall;
  readonly answer: ServiceAnswer['kind'];
  readonly durationMs: number;
}

/**
 * One CV or ASR endpoint: a pool of at most 10 connections behind bulkhead → retry → circuit breaker. Everything it asks for is a read, so
 * what failed may be asked again.
 */
export class ServiceClient {
  readonly circuit: CircuitBreaker;
  readonly #options: ServiceClientOptions;
  readonly #pool: Pool;
  readonly #basePath: string;
  readonly #bulkhead = new Bulkhead({
    maxConcurrentCalls: MAX_CONCURRENT_CALLS,
    maxQueuedCalls: MAX_QUEUED_CALLS,
  });
  readonly #retry: Retry;

  constructor(options: ServiceClientOptions) {
    this.#options = options;
    const { endpoint, clock, random, circuit: limits, onState } = options;
    const { origin, pathname } = new URL(endpoint.url);
    this.#basePath = pathname.replace(/\/+$/, '');
    this.#pool = new Pool(origin, {
      connections: MAX_CONCURRENT_CALLS,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      connect: { timeout: CONNECT_TIMEOUT_MS },
    });
    this.circuit = new CircuitBreaker({
      endpoint: endpoint.name,
      clock,
      limits,
      onState: (state) => onState?.(endpoint.name, state),
    });
    this.#retry = new Retry({
      clock,
      random,
      maxAttempts: MAX_ATTEMPTS,
      baseMs: RETRY_BASE_MS,
      maxMs: RETRY_MAX_MS,
    });
  }

  /** Asks the service about a file. Everything that can go wrong is an answer; only an abort throws. */
  async call(
    call: ServiceCall,
    parameters: object,
    file: MediaFile,
    signal: AbortSignal,
  ): Promise<ServiceAnswer> {
    // Many calls share the worker's signal, and each leaves it when it ends: no leak, so no warning of one.
    setMaxListeners(0, signal);
    const { endpoint } = this.#options;
    const bytes = file.bytes.byteLength;
    if (bytes > endpoint.maxRequestBytes)
      return refused(
        'payload_too_large',
        `${file.path} has ${bytes} bytes; ${endpoint.name} takes at most ${endpoint.maxRequestBytes}`,
      );
    const header = asciiJson(parameters);
    if (header.length > MAX_PARAMETERS_BYTES)
      return refused(
        'parameters_too_large',
        `the parameters have ${header.length} bytes as a header; at most ${MAX_PARAMETERS_BYTES} can be sent: shorten the labels or the text`,
      );
    try {
      const { answer } = await this.#bulkhead.execute(
        () =>
          this.#retry.execute(
            () => this.#once(call, header, file, signal),
            signal,
            ({ again }) => again,
          ),
        signal,
      );
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BulkheadFullError)
        return {
          kind: 'away',
          reason: `${endpoint.name} is busy: ${error.message}`,
          retryAfterMs: QUEUE_FULL_RETRY_MS,
        };
      throw error;
    }
  }

  /** Ends what is under way and closes the connections. Idempotent. */
  async close(): Promise<void> {
    if (!this.#pool.destroyed) await this.#pool.destroy();
  }

  async #once(call: ServiceCall, header: string, file: MediaFile, signal: AbortSignal): Promise<Classified> {
    try {
      return await this.circuit.execute(
        () => this.#request(call, header, file, signal),
        signal,
        (end) => ('error' in end ? 'failure' : end.value.judgement),
      );
    } catch (error) {
      if (!(error instanceof CircuitOpenError)) throw error;
      const { retryAfterMs } = error;
      return {
        answer: { kind: 'away', reason: error.message, retryAfterMs },
        judgement: 'neutral',
        again: false,
      };
    }
  }

  async #request(
    call: ServiceCall,
    header: string,
    file: MediaFile,
    signal: AbortSignal,
  ): Promise<Classified> {
    const { endpoint, clock, onCall } = this.#options;
    const beganMs = clock.monotonicMs();
    const reply = await exchangeWithService(
      this.#pool,
      {
        path: `${this.#basePath}/v1/${call.slice(call.indexOf('.') + 1)}`,
        headers: {
          'content-type': file.mime,
          accept: 'application/json',
          'spark-parameters': header,
          ...(endpoint.token === undefined ? {} : { authorization: `Bearer ${endpoint.token}` }),
        },
        body: file.bytes,
        timeoutMs: endpoint.timeoutMs,
        maxAnswerBytes: MAX_ANSWER_BYTES,
      },
      clock,
      signal,
    );
    const classified = classifyReply(call, reply, clock.nowMs());
    const durationMs = clock.monotonicMs() - beganMs;
    onCall?.({ service: endpoint.name, call, answer: classified.answer.kind, durationMs });
    return classified;
  }
}

const refused = (code: string, message: string): ServiceAnswer => ({ kind: 'refused', code, message });

/** JSON that fits into a header: whatever is not printable ASCII stands as `\uXXXX`. */
function asciiJson(value: object): string {
  return JSON.stringify(value).replace(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

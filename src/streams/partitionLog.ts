import { randomUUID } from 'node:crypto';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, headers as natsHeaders } from 'nats';
import { type Clock, pause } from '../core/clock.js';
import { SparkError } from '../core/errors.js';
import { MAX_EVENTS_PER_MESSAGE, type SparkEvent } from '../events/event.js';
import { encodeLogMessage } from '../events/log.js';
import type { LiveFeed, PartitionLog } from '../workers/ports.js';
import { API_ERRORS, apiErrorCode, isServerVerdict, publishUntilAcked } from './publish.js';
import { SUBJECTS } from './subjects.js';
import { STREAMS } from './topology.js';

/** Somebody else has appended to our partition: we are not its owner any more and must drop everything we hold of it. */
export class FencedError extends SparkError {
  readonly code = 'fenced';
}

/** The log was closed while this append waited. It may or may not be stored: the next owner's fold tells. */
export class LogClosedError extends SparkError {
  readonly code = 'log_closed';
}

export interface LogLimits {
  /** Events of one message at most; what waits beyond goes with the next. */
  readonly batchEvents: number;
  readonly batchBytes: number;
}

export interface LogStats {
  published(events: number): void;
  failed(): void;
}

const APPEND_ID = 'Spark-Append-Id';

/**
 * Claims a partition of the log: appends an empty message with the expected sequence. Its own sequence is the epoch, so epochs grow
 * with every claim, and every append of an earlier owner is refused from here on (JetStream's compare-and-set, reliability.md).
 */
export async function claimPartition(
  nc: NatsConnection,
  partition: number,
  dependencies: { clock: Clock; live: LiveFeed; limits: LogLimits; stats: LogStats },
): Promise<PartitionLog> {
  const js = jetstream(nc);
  const manager = await jetstreamManager(nc);
  for (;;) {
    const last = await lastSequence(manager, partition);
    try {
      const ack = await js.publish(subjectOf(partition), encodeLogMessage([]), {
        expect: { lastSubjectSequence: last },
        timeout: 5_000,
      });
      return new Appender(js, manager, partition, ack.seq, dependencies);
    } catch (error) {
      if (!isWrongSequence(error)) throw error;
      // Another claim or a zombie's last append came between: look again.
      await pause(dependencies.clock, 20);
    }
  }
}

const subjectOf = (partition: number): string => `${SUBJECTS.log}.${partition}`;

function isWrongSequence(error: unknown): boolean {
  const code = apiErrorCode(error);
  return code === API_ERRORS.wrongLastSequence || code === API_ERRORS.wrongLastSequenceUnknown;
}

async function lastSequence(manager: JetStreamManager, partition: number): Promise<number> {
  const last = await manager.direct.getMessage(STREAMS.log, { last_by_subj: subjectOf(partition) });
  return last?.seq ?? 0;
}

interface Waiting {
  readonly events: readonly SparkEvent[];
  readonly bytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * One append in flight per partition; what arrives meanwhile goes together with the next (group commit). So the batch adapts to the
 * server's own speed: alone an event goes at once, under load hundreds share one fsync.
 */
class Appender implements PartitionLog {
  readonly epoch: number;
  readonly #js: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #partition: number;
  readonly #deps: { clock: Clock; live: LiveFeed; limits: LogLimits; stats: LogStats };
  readonly #abort = new AbortController();
  #lastSeq: number;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #failure: SparkError | undefined;

  constructor(
    js: JetStreamClient,
    manager: JetStreamManager,
    partition: number,
    epoch: number,
    deps: { clock: Clock; live: LiveFeed; limits: LogLimits; stats: LogStats },
  ) {
    this.#js = js;
    this.#manager = manager;
    this.#partition = partition;
    this.epoch = epoch;
    this.#lastSeq = epoch;
    this.#deps = deps;
  }

  append(events: readonly SparkEvent[]): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const bytes = events.reduce((sum, event) => sum + approximateBytes(event), 0);
      this.#waiting.push({ events, bytes, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** Waits for what is under way as long as it goes; call after everything that appends has stopped. */
  async close(): Promise<void> {
    this.#failure ??= new LogClosedError('the log was closed');
    this.#abort.abort();
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    // One turn of the event loop lets everything that is ready now join the first message.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      const events = batch.flatMap((waiting) => waiting.events);
      try {
        this.#lastSeq = await this.#store(events);
      } catch (error) {
        this.#fail(batch, error);
        break;
      }
      for (const waiting of batch) waiting.resolve();
      this.#deps.stats.published(events.length);
      this.#deps.live.published(events);
    }
    this.#flushing = undefined;
  }

  #takeBatch(): Waiting[] {
    const { batchEvents, batchBytes } = this.#deps.limits;
    let events = 0;
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      events += waiting.events.length;
      bytes += waiting.bytes;
      if (count > 0 && (events > Math.min(batchEvents, MAX_EVENTS_PER_MESSAGE) || bytes > batchBytes)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #store(events: readonly SparkEvent[]): Promise<number> {
    const appendId = randomUUID();
    const headers = natsHeaders();
    headers.set(APPEND_ID, appendId);
    try {
      const ack = await publishUntilAcked(
        this.#js,
        this.#deps.clock,
        subjectOf(this.#partition),
        encodeLogMessage(events),
        { msgID: appendId, headers, expect: { lastSubjectSequence: this.#lastSeq } },
        this.#abort.signal,
      );
      return ack.seq;
    } catch (error) {
      this.#deps.stats.failed();
      if (isWrongSequence(error)) return this.#ownAppendOrFenced(appendId, error);
      // Any other verdict (disk full, no memory): facts are kept, so keep trying; nothing goes on meanwhile.
      if (isServerVerdict(error) && !this.#abort.signal.aborted) {
        await pause(this.#deps.clock, 500, this.#abort.signal);
        return this.#store(events);
      }
      throw this.#failure ?? error;
    }
  }

  /** A retry after a lost ack finds its own message in the way once the duplicate window has passed: that is success. */
  async #ownAppendOrFenced(appendId: string, cause: unknown): Promise<number> {
    const last = await this.#manager.direct.getMessage(STREAMS.log, {
      last_by_subj: subjectOf(this.#partition),
    });
    if (last?.header?.get(APPEND_ID) === appendId) return last.seq;
    throw new FencedError(
      `partition ${this.#partition} has another owner: its log is at ${last?.seq}, we expected ${this.#lastSeq}`,
      {
        cause,
        fields: { partition: this.#partition, expected: this.#lastSeq, found: last?.seq },
      },
    );
  }

  #fail(batch: readonly Waiting[], error: unknown): void {
    const failure =
      error instanceof SparkError ? error : new LogClosedError('the log stopped', { cause: error });
    this.#failure = failure;
    for (const waiting of [...batch, ...this.#waiting.splice(0)]) waiting.reject(failure);
  }
}

function approximateBytes(event: SparkEvent): number {
  if (event.kind === 'started')
    return 700 + 1_000 * (event.intents?.length ?? 0) + JSON.stringify(event.envelope.payload).length;
  if (event.kind === 'noted') return 1_000;
  return (
    700 +
    1_000 * (event.changes?.length ?? 0) +
    JSON.stringify(event.kind === 'failed' ? event.error : event.result).length
  );
}

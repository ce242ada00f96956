import { randomUUID } from 'node:crypto';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import { type Clock, pause } from '../core/clock.js';
import { SparkError } from '../core/errors.js';
import { MAX_EVENTS_PER_MESSAGE, type SparkEvent } from '../events/event.js';
import { encodeLogMessage } from '../events/log.js';
import type { LiveFeed, PartitionLog } from '../workers/ports.js';
import { clientsOf } from './clients.js';
import { markedBy } from './logAuthors.js';
import { LogJam } from './logJam.js';
import { type Behind, lastSequence, lookBehind, newestIn, subjectOf } from './lookBehind.js';
import { API_ERRORS, apiErrorCode, isServerVerdict, publishUntilAcked, untilAnswered } from './publish.js';

/** Somebody else has appended to our partition: we are not its owner any more and must drop everything we hold of it. */
export class FencedError extends SparkError {
  readonly code = 'fenced';
}

/** Somebody else has claimed the partition in the moment in which we were about to: it is theirs, and ours would only fence it. */
export class ClaimedMeanwhileError extends SparkError {
  readonly code = 'claimed_meanwhile';
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
  /** So many events more (or less) wait to be acknowledged. */
  waiting(change: number): void;
  /** One message is stored: the time since the append of the oldest event in it. */
  acked(durationMs: number): void;
  published(events: number): void;
  failed(): void;
}

const LAGGING_COPY_MS = 20;

/**
 * Claims a partition of the log: appends an empty message with the expected sequence. Its own sequence is the epoch, so epochs grow
 * with every claim, and every append of an earlier owner is refused from here on (JetStream's compare-and-set, reliability.md). Throws
 * `ClaimedMeanwhileError` when somebody else has claimed it since we looked first: of two at once the one who came first keeps it, or
 * each would fence the other.
 */
export async function claimPartition(
  nc: NatsConnection,
  partition: number,
  dependencies: { clock: Clock; live: LiveFeed; limits: LogLimits; stats: LogStats },
): Promise<PartitionLog> {
  const clients = clientsOf(nc);
  const { js } = clients;
  const manager = await clients.manager;
  const jam = new LogJam(nc, dependencies.clock);
  let lookedFirstAt: number | undefined;
  for (;;) {
    const { seq: last, ownedFrom } = await newestIn(manager, partition);
    lookedFirstAt ??= last;
    if (ownedFrom > lookedFirstAt)
      throw new ClaimedMeanwhileError(`partition ${partition} has just been claimed by somebody else`, {
        fields: { partition, place: ownedFrom },
      });
    try {
      const ack = await js.publish(subjectOf(partition), encodeLogMessage([]), {
        headers: markedBy(randomUUID()),
        expect: { lastSubjectSequence: last },
        timeout: 5_000,
      });
      jam.clear();
      return new Appender({ js, manager, jam }, partition, ack.seq, dependencies);
    } catch (error) {
      if (!isWrongSequence(error)) throw error;
      // Another claim or an owner's last append came between: look again.
      await jam.refusedAt(last);
    }
  }
}

function isWrongSequence(error: unknown): boolean {
  const code = apiErrorCode(error);
  return code === API_ERRORS.wrongLastSequence || code === API_ERRORS.wrongLastSequenceUnknown;
}

interface Waiting {
  readonly sinceMs: number;
  readonly events: readonly SparkEvent[];
  readonly bytes: number;
  readonly parkedUpTo: number | undefined;
  resolve(seq: number): void;
  reject(error: unknown): void;
}

/** One message of the log on its way: the same id for every try, so that it counts once. */
interface Message {
  readonly events: readonly SparkEvent[];
  readonly appendId: string;
  readonly parkedUpTo: number | undefined;
}

/**
 * One append in flight per partition; what arrives meanwhile goes together with the next (group commit). So the batch adapts to the
 * server's own speed: alone an event goes at once, under load hundreds share one fsync.
 */
class Appender implements PartitionLog {
  readonly epoch: number;
  readonly #js: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #jam: LogJam;
  readonly #partition: number;
  readonly #deps: { clock: Clock; live: LiveFeed; limits: LogLimits; stats: LogStats };
  readonly #abort = new AbortController();
  #lastSeq: number;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #failure: SparkError | undefined;

  constructor(
    { js, manager, jam }: { js: JetStreamClient; manager: JetStreamManager; jam: LogJam },
    partition: number,
    epoch: number,
    deps: { clock: Clock; live: LiveFeed; limits: LogLimits; stats: LogStats },
  ) {
    this.#js = js;
    this.#manager = manager;
    this.#jam = jam;
    this.#partition = partition;
    this.epoch = epoch;
    this.#lastSeq = epoch;
    this.#deps = deps;
  }

  append(events: readonly SparkEvent[], parkedUpTo?: number): Promise<number> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const bytes = events.reduce((sum, event) => sum + approximateBytes(event), 0);
      this.#deps.stats.waiting(events.length);
      const sinceMs = this.#deps.clock.monotonicMs();
      this.#waiting.push({ events, bytes, parkedUpTo, resolve, reject, sinceMs });
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
      const message = {
        events,
        appendId: randomUUID(),
        parkedUpTo: batch.find((waiting) => waiting.parkedUpTo !== undefined)?.parkedUpTo,
      };
      try {
        this.#lastSeq = await this.#store(message);
      } catch (error) {
        this.#fail(batch, error);
        break;
      }
      for (const waiting of batch) waiting.resolve(this.#lastSeq);
      try {
        this.#tell(batch, events.length);
        this.#deps.live.published(events);
      } catch {
        // Live copies are at most once, and the log must not stand still for them.
      }
    }
    this.#flushing = undefined;
  }

  #tell([oldest]: readonly Waiting[], events: number): void {
    const { clock, stats } = this.#deps;
    if (oldest) stats.acked(clock.monotonicMs() - oldest.sinceMs);
    stats.waiting(-events);
    stats.published(events);
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

  async #store(message: Message): Promise<number> {
    const { events, appendId, parkedUpTo } = message;
    try {
      const ack = await publishUntilAcked(
        this.#js,
        this.#deps.clock,
        subjectOf(this.#partition),
        encodeLogMessage(events),
        {
          msgID: appendId,
          headers: markedBy(appendId, this.epoch, parkedUpTo),
          expect: { lastSubjectSequence: this.#lastSeq },
        },
        this.#abort.signal,
      );
      this.#jam.clear();
      return ack.seq;
    } catch (error) {
      this.#deps.stats.failed();
      if (isWrongSequence(error)) return this.#afterOthers(message, error);
      // Any other verdict (disk full, no memory): facts are kept, so keep trying; nothing goes on meanwhile.
      if (isServerVerdict(error) && !this.#abort.signal.aborted) {
        await pause(this.#deps.clock, 500, this.#abort.signal);
        return this.#store(message);
      }
      throw this.#failure ?? error;
    }
  }

  /**
   * Something lies behind our last append. Our own append (a retry after a lost ack, once the duplicate window has passed): that is
   * success. Another owner's: we are fenced. Nothing but what is no message of the log at all: we go on behind it, under the same id, so
   * that whatever is still under way counts once.
   */
  async #afterOthers(message: Message, cause: unknown): Promise<number> {
    const look = () => this.#lookBehind(message.appendId);
    const { found, last, owner } = await untilAnswered(this.#deps.clock, this.#abort.signal, look);
    if (owner === undefined && last > this.#lastSeq) {
      if (found) return last;
      this.#lastSeq = last;
      return this.#store(message);
    }
    if (owner === undefined) {
      // Nothing lies behind our last append: nobody has taken the partition.
      await this.#jam.refusedAt(this.#lastSeq, this.#abort.signal);
      if (this.#abort.signal.aborted) throw this.#failure ?? cause;
      return this.#store(message);
    }
    throw new FencedError(
      `partition ${this.#partition} has another owner: its log is at ${owner}, we expected ${this.#lastSeq}`,
      { cause, fields: { partition: this.#partition, expected: this.#lastSeq, found: owner } },
    );
  }

  /** With several copies one that lags may be asked, and say less than the leader has stored: then it is asked again. */
  async #lookBehind(appendId: string): Promise<Behind> {
    for (;;) {
      const behind = await lookBehind(this.#manager, this.#partition, this.#lastSeq, appendId);
      if (behind.owner !== undefined || this.#abort.signal.aborted) return behind;
      if ((await lastSequence(this.#manager, this.#partition)) <= behind.last) return behind;
      await pause(this.#deps.clock, LAGGING_COPY_MS, this.#abort.signal);
    }
  }

  #fail(batch: readonly Waiting[], error: unknown): void {
    const failure =
      error instanceof SparkError ? error : new LogClosedError('the log stopped', { cause: error });
    this.#failure = failure;
    for (const waiting of [...batch, ...this.#waiting.splice(0)]) {
      this.#deps.stats.waiting(-waiting.events.length);
      waiting.reject(failure);
    }
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

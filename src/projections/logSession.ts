import type pg from 'pg';
import { pause } from '../core/clock.js';
import { dayOf, daysToMake, ensureDayPartitions } from '../postgres/partitions.js';
import { type BatchPart, splitPart } from './batchPart.js';
import { LOG_CHECKPOINT } from './checkpoint.js';
import type { ProjectorDeadLetter } from './deadLetters/write.js';
import { FlushPace } from './flushPace.js';
import { type FoldedBatch, foldBatch } from './foldBatch.js';
import type { ImageStore } from './images/store.js';
import { Intake } from './intake.js';
import { entryOf, type LogEntry } from './logEntries.js';
import { endOfMessage, readAfter } from './logPosition.js';
import { type FoldAttempt, isPoison, letterOfPoison, letterOfUnreadable, tryFold } from './poison.js';
import type { LogSource } from './ports.js';
import { HEARTBEAT_MS } from './projectorConnection.js';
import type { LogProjectionOptions } from './projectorOptions.js';
import { PARTITIONED_TABLES } from './readModels.js';
import { writeBatch } from './writeBatch.js';

/**
 * A batch of this many events is worth its transaction at once; twice that is read ahead. Measured (200,000 events of 580 bytes in
 * messages of 64, five rows a command, standby attached, a two-core machine with a load of 3 to 6 from other work): whole
 * projector 13,600 to 35,000 events/s, beside it bare COPY of the same event rows alone 26,000 to 54,000: a ratio of 0.4 to 0.7.
 * COPY of the events takes 55 % of a transaction, the merge of the commands 28 %. Half and double these limits: no difference.
 */
const INTAKE_LIMITS = { flushWeight: 5_000, maxWeight: 10_000, maxBytes: 16 * 1_024 * 1_024 };

interface PreparedBatch {
  readonly entries: readonly LogEntry[];
  readonly part: BatchPart;
  readonly attempt: FoldAttempt;
  readonly images: { readonly stored: number; readonly missing: number };
  readonly prepareMs: number;
}

export interface LogSessionStart {
  readonly lastSeq: number;
  readonly streamCreated: string;
  /** Ends when the log is projected up to here; undefined: goes on with the log. */
  readonly untilStreamSeq: number | undefined;
}

/** Projects the log from a checkpoint on, over one connection, until the signal aborts or something fails. */
export class LogSession {
  readonly #client: pg.ClientBase;
  readonly #options: LogProjectionOptions;
  readonly #images: ImageStore;
  readonly #start: LogSessionStart;
  readonly #intake: Intake<LogEntry>;
  readonly #pace: FlushPace;
  readonly #knownDays = new Set<number>();
  #lastSeq: number;

  constructor(
    client: pg.ClientBase,
    options: LogProjectionOptions,
    images: ImageStore,
    start: LogSessionStart,
  ) {
    this.#client = client;
    this.#options = options;
    this.#images = images;
    this.#start = start;
    this.#lastSeq = start.lastSeq;
    this.#pace = new FlushPace(options.clock);
    this.#intake = new Intake(
      INTAKE_LIMITS,
      (entry) => ({ weight: Math.max(1, entry.events.length), bytes: entry.bytes }),
      options.clock,
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const reading = new AbortController();
    const onAbort = (): void => reading.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) reading.abort();
    const source = entriesAfter(this.#options.logSource, this.#start.lastSeq, reading.signal);
    const pumping = this.#intake.pump(source, reading.signal);
    let next: Promise<PreparedBatch | undefined> = Promise.resolve(undefined);
    try {
      await this.#makeDays([dayOf(this.#options.clock.nowMs())]);
      next = this.#prepareNext(reading.signal);
      for (let done = this.#isDone(); !done; ) {
        const batch = await this.#nextWithHeartbeat(next);
        if (batch === undefined) return;
        // The batch after this one is read and folded while this one is written.
        next = this.#prepareNext(reading.signal);
        // Looked at after the write; failing before that must not count as nobody's.
        next.catch(() => undefined);
        await this.#write(batch);
        done = this.#isDone();
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      reading.abort();
      await Promise.allSettled([pumping, next]);
    }
  }

  #isDone(): boolean {
    const { untilStreamSeq } = this.#start;
    return untilStreamSeq !== undefined && this.#lastSeq >= endOfMessage(untilStreamSeq);
  }

  async #prepareNext(signal: AbortSignal): Promise<PreparedBatch | undefined> {
    const entries = await this.#intake.take(this.#pace, signal);
    if (entries === undefined) return undefined;
    const beganMs = this.#options.clock.monotonicMs();
    const last = entries.at(-1);
    const part = {
      events: entries.flatMap((entry) => entry.events),
      unreadable: entries.flatMap((entry) => entry.unreadable),
      toSeq: endOfMessage(last?.streamSeq ?? 0),
      tsMs: last?.tsMs ?? 0,
    };
    const attempt = await tryFold(part.events);
    const images = 'folded' in attempt ? await this.#makeReady(attempt.folded) : { stored: 0, missing: 0 };
    return { entries, part, attempt, images, prepareMs: this.#options.clock.monotonicMs() - beganMs };
  }

  /** Whatever the batch's transaction takes for granted. */
  async #makeReady(folded: FoldedBatch): Promise<{ stored: number; missing: number }> {
    await this.#makeDays(folded.days);
    return this.#images.ensure(folded.images);
  }

  async #makeDays(needed: Iterable<number>): Promise<void> {
    const days = daysToMake(needed, this.#knownDays);
    if (days.length === 0) return;
    await ensureDayPartitions(this.#options.pool, PARTITIONED_TABLES, days);
    for (const day of days) this.#knownDays.add(day);
  }

  /** The silence of an idle projector would be taken for its death. */
  async #nextWithHeartbeat(next: Promise<PreparedBatch | undefined>): Promise<PreparedBatch | undefined> {
    for (;;) {
      const waiting = new AbortController();
      const silent = pause(this.#options.clock, HEARTBEAT_MS, waiting.signal).then(() => 'silent' as const);
      try {
        const first = await Promise.race([next, silent]);
        if (first !== 'silent') return first;
      } finally {
        waiting.abort();
      }
      await this.#client.query('SELECT 1');
    }
  }

  async #write({ entries, part, attempt, images, prepareMs }: PreparedBatch): Promise<void> {
    const { clock, onBatch, onCommands } = this.#options;
    const beganMs = clock.monotonicMs();
    const poisoned = await this.#writePart(part, attempt);
    if ('folded' in attempt) onCommands?.(attempt.folded.commandIds);
    onBatch?.({
      messages: entries.length,
      events: part.events.length,
      poisoned,
      imagesStored: images.stored,
      imagesMissing: images.missing,
      lastSeq: part.toSeq,
      lastTsMs: part.tsMs,
      prepareMs,
      writeMs: clock.monotonicMs() - beganMs,
    });
  }

  /** Writes a part; one that holds poison is halved until the poison stands alone. Answers how many dead letters it took. */
  async #writePart(part: BatchPart, attempt: FoldAttempt): Promise<number> {
    const letters = part.unreadable.map(letterOfUnreadable);
    const poison =
      'poison' in attempt ? attempt.poison : await this.#poisonAtCommit(part, attempt.folded, letters);
    if (poison === undefined) return letters.length;
    const [event] = part.events;
    if (event === undefined) throw poison; // Postgres refuses the dead letters themselves
    if (part.events.length === 1) {
      await this.#commit(part, foldBatch([]), [...letters, letterOfPoison(event, poison)]);
      return letters.length + 1;
    }
    let count = 0;
    for (const half of splitPart(part)) count += await this.#writePart(half, await tryFold(half.events));
    return count;
  }

  /** Undefined when the part is committed; else what Postgres has against its rows. Throws what may pass. */
  async #poisonAtCommit(
    part: BatchPart,
    folded: FoldedBatch,
    letters: readonly ProjectorDeadLetter[],
  ): Promise<unknown> {
    await this.#makeReady(folded);
    try {
      await this.#commit(part, folded, letters);
      return undefined;
    } catch (error) {
      if (!isPoison(error)) throw error;
      return error;
    }
  }

  async #commit(
    part: BatchPart,
    folded: FoldedBatch,
    letters: readonly ProjectorDeadLetter[],
  ): Promise<void> {
    const { streamCreated } = this.#start;
    const step = { checkpoint: LOG_CHECKPOINT, streamCreated, fromSeq: this.#lastSeq };
    await writeBatch(this.#client, { ...step, toSeq: part.toSeq, tsMs: part.tsMs }, folded, letters);
    this.#lastSeq = part.toSeq;
  }
}

async function* entriesAfter(
  source: LogSource,
  lastSeq: number,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  for await (const message of source.read(readAfter(lastSeq), signal)) {
    const entry = entryOf(message);
    const isNew = ({ seq }: { readonly seq: number }): boolean => seq > lastSeq;
    // Only the first message after a stop inside it has events that are projected already.
    yield entry.events.every(isNew) && entry.unreadable.every(isNew)
      ? entry
      : { ...entry, events: entry.events.filter(isNew), unreadable: entry.unreadable.filter(isNew) };
  }
}

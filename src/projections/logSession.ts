import type pg from 'pg';
import { pause } from '../core/clock.js';
import { streamSeqOf } from '../events/event.js';
import { hourOf } from '../postgres/partitions.js';
import { type BatchPart, partOf, splitPart } from './batchPart.js';
import type { ProjectorDeadLetter } from './deadLetters/write.js';
import { SlotsMovedError } from './errors.js';
import { FlushPace } from './flushPace.js';
import { type FoldedBatch, foldBatch } from './foldBatch.js';
import { ImageStore } from './images/store.js';
import { Intake, type IntakeLimits } from './intake.js';
import { type LogEntry, WaitingEntry } from './logEntries.js';
import { readAfter } from './logPosition.js';
import { PartitionsAhead } from './partitionsAhead.js';
import {
  culpritOf,
  type FoldAttempt,
  foldEntries,
  isPoison,
  letterOfPoison,
  lettersOf,
  tryFold,
} from './poison.js';
import type { LogSource } from './ports.js';
import { HEARTBEAT_MS } from './projectorConnection.js';
import type { LogProjectionOptions } from './projectorOptions.js';
import { readTables } from './slots/readTables.js';
import type { Tables } from './slots/tables.js';
import { writeBatch } from './writeBatch.js';

/**
 * A batch of this many events is worth its transaction at once; twice that is read ahead. Live, the pace flushes long before: this is for
 * catching up. What a transaction does was looked at one statement after the other (an idle slot, 60,000 events, everything on): COPY of
 * the events 72 %, of the commands 14 %, of the calls 5 %, of the operations 2 %, all counts together 2 % (rollups, sessions and editors
 * are one statement). Merging only the commands that a row knows, and copying images over instead of packing them again, took the whole
 * projector from 17.5 to 11 CPU-s for 100,000 events (Node 11.6 to 6, with eight others at work on the same two cores). What Node does without
 * the connections went from 28 to 12 us an event when messages waited undecoded and rows took their JSON over as it came (docs/adr/0026).
 */
const INTAKE_LIMITS = { flushWeight: 10_000, maxWeight: 20_000, maxBytes: 24 * 1_024 * 1_024 };

/** What an event takes in the log, about: a message that waits is weighed by its size, since nobody has looked into it. */
const EVENT_BYTES = 860;

interface PreparedBatch {
  readonly entries: readonly LogEntry[];
  readonly part: BatchPart;
  readonly attempt: FoldAttempt;
  readonly images: { readonly stored: number; readonly missing: number };
  readonly prepareMs: number;
}

export interface LogSessionStart {
  /** Whose position is moved. */
  readonly checkpoint: string;
  /** Where the rows go, until a flip says otherwise. */
  readonly tables: Tables;
  readonly lastSeq: number;
  readonly streamCreated: string;
  /** Ends when the log is projected up to here (or beyond, when the source does not stop there); undefined: goes on with the log. */
  readonly untilSeq: number | undefined;
  /** Where entries come from, after a place; the log by default. */
  readonly entries?: (afterSeq: number, signal: AbortSignal) => AsyncIterable<LogEntry>;
  readonly limits?: IntakeLimits;
  /** Read models whose images are taken over instead of being fetched again. */
  readonly imagesIn?: Tables | undefined;
}

/** Where rows go, and what was made ready there. A flip leads to another one as a whole: what is still under way for the old one stays there. */
interface Place {
  readonly tables: Tables;
  readonly images: ImageStore;
  readonly partitions: PartitionsAhead;
}

/** Projects the log from a checkpoint on, over one connection, until the signal aborts or something fails. */
export class LogSession {
  readonly #client: pg.ClientBase;
  readonly #options: LogProjectionOptions;
  readonly #start: LogSessionStart;
  readonly #intake: Intake<LogEntry>;
  readonly #pace: FlushPace;
  #place: Place;
  #lastSeq: number;
  /** Why the log cannot be read on from where the newest batch ends. */
  #refusal: unknown;

  constructor(client: pg.ClientBase, options: LogProjectionOptions, start: LogSessionStart) {
    this.#client = client;
    this.#options = options;
    this.#start = start;
    this.#lastSeq = start.lastSeq;
    this.#place = this.#placeAt(start.tables);
    this.#pace = new FlushPace(options.clock);
    this.#intake = new Intake(
      start.limits ?? INTAKE_LIMITS,
      ({ bytes }) => ({ weight: Math.ceil((bytes + 1) / EVENT_BYTES), bytes }),
      options.clock,
    );
  }

  /** Everything up to here is committed. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  async run(signal: AbortSignal): Promise<void> {
    const reading = new AbortController();
    const onAbort = (): void => reading.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) reading.abort();
    const entries = this.#start.entries ?? entriesOfLog(this.#options.logSource);
    const source = entriesAfter(entries, this.#start.lastSeq, reading.signal);
    const pumping = this.#intake.pump(source, reading.signal);
    let next: Promise<PreparedBatch | undefined> = Promise.resolve(undefined);
    try {
      await this.#place.partitions.ensure([hourOf(this.#options.clock.nowMs())]);
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
    const { untilSeq } = this.#start;
    return untilSeq !== undefined && this.#lastSeq >= untilSeq;
  }

  async #prepareNext(signal: AbortSignal): Promise<PreparedBatch | undefined> {
    if (this.#refusal !== undefined) throw this.#refusal;
    const taken = await this.#intake.take(this.#pace, signal);
    if (taken === undefined) return undefined;
    const beganMs = this.#options.clock.monotonicMs();
    const { entries, attempt, unreadable, refusal } = await foldEntries(taken);
    this.#refusal = refusal;
    const images = 'folded' in attempt ? await this.#makeReady(attempt.folded) : { stored: 0, missing: 0 };
    const prepareMs = this.#options.clock.monotonicMs() - beganMs;
    return { entries, part: partOf(entries, unreadable), attempt, images, prepareMs };
  }

  /** Whatever the batch's transaction takes for granted. */
  async #makeReady(folded: FoldedBatch): Promise<{ stored: number; missing: number }> {
    const place = this.#place;
    await place.partitions.ensure(folded.hours);
    return place.images.ensure(folded.images);
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
      events: countOf(part, attempt),
      poisoned,
      unreadable: part.unreadable.length,
      imagesStored: images.stored,
      imagesMissing: images.missing,
      lastSeq: part.toSeq,
      lastTsMs: part.tsMs,
      prepareMs,
      writeMs: clock.monotonicMs() - beganMs,
    });
  }

  /** Writes a part; one that holds poison is cut until the poison stands alone. Answers how many dead letters it took. */
  async #writePart(part: BatchPart, attempt: FoldAttempt): Promise<number> {
    const letters = lettersOf(part, attempt);
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
    for (const piece of splitPart(part, culpritOf(poison, part, attempt)))
      count += await this.#writePart(piece, await tryFold(piece.events));
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
    const { streamCreated, checkpoint } = this.#start;
    const { toSeq, tsMs } = part;
    const step = { checkpoint, streamCreated, fromSeq: this.#lastSeq, toSeq, tsMs };
    for (;;) {
      try {
        await writeBatch(this.#client, this.#place.tables, step, folded, letters);
        this.#lastSeq = toSeq;
        this.#place.partitions.wrote(folded.events.rows, tsMs);
        return;
      } catch (error) {
        if (!(error instanceof SlotsMovedError)) throw error;
        this.#place = this.#placeAt(await readTables(this.#client));
        await this.#makeReady(folded);
      }
    }
  }

  #placeAt(tables: Tables): Place {
    const { pool, imageSource, hourAboveEventsPerS } = this.#options;
    return {
      tables,
      images: new ImageStore(pool, imageSource, tables, this.#start.imagesIn),
      partitions: new PartitionsAhead(pool, tables, hourAboveEventsPerS),
    };
  }
}

/** How many events a part holds. */
function countOf(part: BatchPart, attempt: FoldAttempt): number {
  return 'folded' in attempt ? attempt.folded.events.rows + attempt.poisoned.length : part.events.length;
}

/** The log, message by message; the one that a checkpoint lies in is read again. */
export function entriesOfLog(
  source: LogSource,
): (afterSeq: number, signal: AbortSignal) => AsyncIterable<LogEntry> {
  return async function* read(afterSeq, signal) {
    for await (const message of source.read(readAfter(afterSeq), signal)) yield new WaitingEntry(message);
  };
}

async function* entriesAfter(
  entries: (afterSeq: number, signal: AbortSignal) => AsyncIterable<LogEntry>,
  lastSeq: number,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const isNew = ({ seq }: { readonly seq: number }): boolean => seq > lastSeq;
  for await (const entry of entries(lastSeq, signal)) {
    // Only the first message after a stop inside it has events that are projected already.
    yield entry.streamSeq > streamSeqOf(lastSeq)
      ? entry
      : { ...entry, events: entry.events.filter(isNew), unreadable: entry.unreadable.filter(isNew) };
  }
}

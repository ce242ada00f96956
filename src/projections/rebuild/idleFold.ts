import type pg from 'pg';
import { inTransaction } from '../../postgres/transaction.js';
import { LogSession } from '../logSession.js';
import type { LogProjectionOptions } from '../projectorOptions.js';
import { applyCuts, cutsFrom, nextStop, type RetentionCut } from '../retention/cuts.js';
import type { Tables } from '../slots/tables.js';
import { type EntrySource, entriesUpTo } from './entriesUpTo.js';

/** A transaction that nobody waits for may be larger than a live one; of large events, what fits into memory twice. */
const LIMITS = { flushWeight: 20_000, maxWeight: 40_000, maxBytes: 32 * 1_024 * 1_024 };

export interface IdleFoldOptions {
  /** A projector's connection (`withProjectorConnection`). */
  readonly client: pg.ClientBase;
  readonly projection: LogProjectionOptions;
  readonly tables: Tables;
  readonly checkpoint: string;
  readonly streamCreated: string;
  readonly lastSeq: number;
  readonly entries: EntrySource;
  /** Events that the live read models have as dead letters, where these are not folded anew. */
  readonly lost: ReadonlySet<number>;
  /** Read models whose images are taken over instead of being fetched again. */
  readonly imagesIn?: Tables | undefined;
}

/**
 * Folds the log into tables that nobody reads yet, with the fold of the live projector, and cuts where retention has cut the live
 * ones: at the same place of the log, so that the same rows come out.
 */
export class IdleFold {
  readonly #options: IdleFoldOptions;
  #lastSeq: number;
  /** Cuts at the present place that are made already. */
  #cutUpTo = 0;

  constructor(options: IdleFoldOptions) {
    this.#options = options;
    this.#lastSeq = options.lastSeq;
  }

  /** Everything up to here is committed. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Goes on to exactly `untilSeq`, with every cut up to there that has been made by now. Does nothing when it is there. */
  async to(untilSeq: number, signal: AbortSignal): Promise<void> {
    const { client, streamCreated } = this.#options;
    let cuts = await cutsFrom(client, streamCreated, this.#lastSeq);
    for (;;) {
      signal.throwIfAborted();
      await this.#cut(cuts);
      if (this.#lastSeq >= untilSeq) {
        // Retention may have cut at this very place while we came here.
        cuts = await cutsFrom(client, streamCreated, this.#lastSeq);
        if (this.#dueOf(cuts).length === 0) return;
        continue;
      }
      const stop = Math.min(untilSeq, nextStop(cuts, this.#lastSeq) ?? untilSeq);
      await this.#fold(stop, signal);
    }
  }

  async #fold(untilSeq: number, signal: AbortSignal): Promise<void> {
    const { client, projection, tables, checkpoint, streamCreated, entries, lost, imagesIn } = this.#options;
    const session = new LogSession(client, projection, {
      ...{ checkpoint, tables, streamCreated, untilSeq, limits: LIMITS, imagesIn },
      lastSeq: this.#lastSeq,
      entries: entriesUpTo(entries, untilSeq, lost),
    });
    await session.run(signal);
    this.#lastSeq = session.lastSeq;
    signal.throwIfAborted();
  }

  #dueOf(cuts: readonly RetentionCut[]): readonly RetentionCut[] {
    return cuts.filter((cut) => cut.atSeq === this.#lastSeq && cut.id > this.#cutUpTo);
  }

  async #cut(cuts: readonly RetentionCut[]): Promise<void> {
    const { client, tables } = this.#options;
    const due = this.#dueOf(cuts);
    if (due.length === 0) return;
    await inTransaction(client, () => applyCuts(client, tables, due));
    this.#cutUpTo = Math.max(...due.map(({ id }) => id));
  }
}

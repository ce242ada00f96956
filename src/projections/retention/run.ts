import type pg from 'pg';
import { type Clock, pause } from '../../core/clock.js';
import { startOf } from '../../postgres/partitions.js';
import { LOG_CHECKPOINT, readCheckpoint } from '../checkpoint.js';
import { readAfter } from '../logPosition.js';
import { tryTakePlace } from '../projectorConnection.js';
import { readTables } from '../slots/readTables.js';
import { cutImages, cutRows, imagesAreDue } from './cutLive.js';
import { cutLetters } from './letters.js';
import { cutByAge, cutBySize } from './partitionCut.js';
import { cutPartitions, dropCutPartitions, livePartitions, type PartitionDropOptions } from './partitions.js';
import { type RetentionTerm, ROW_RULES } from './rules.js';
import { agedMs } from './terms.js';
import { weighReadModels } from './weigh.js';

/** What is kept. 0: without limit. */
export interface RetentionLimits {
  readonly detailDays: number;
  readonly rollupDays: number;
  readonly maxBytes: number;
}

export interface RetentionOptions extends PartitionDropOptions {
  /** As `spark_projector`, on the primary. */
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly limits: RetentionLimits;
  /** The newest message of the log, 0 for none. */
  readonly logEnd: () => Promise<number>;
  readonly sliceRows?: number;
}

export interface RetentionReport {
  /** `schema.partition` of each that was dropped. */
  readonly partitions: readonly string[];
  /** Partitions that readers would not let go: the next run goes on. */
  readonly postponed: readonly string[];
  /** Rows deleted, by read model. */
  readonly rows: Readonly<Record<string, number>>;
  /** What the dropped partitions weighed. */
  readonly freedBytes: number;
  /** What the live read models weigh afterwards. */
  readonly bytes: number;
  /** They weigh more than they may, and nothing that could go is left. */
  readonly overfull: boolean;
}

const STATEMENT_TIMEOUT_MS = 60_000;
const SILENCE_TIMEOUT_MS = 15_000;
/** Between two cuts the projector gets its turn. */
const BREATH_MS = 5;
const RETRY_MS = 50;

/**
 * Takes out of the read models what is too old or too much. Undefined when another process is at it. Whatever ends it half way, the next
 * run goes on: rows go with the word that they went, and partitions below a recorded cut are dropped whenever they are met.
 */
export async function runRetention(options: RetentionOptions): Promise<RetentionReport | undefined> {
  const client = await options.pool.connect();
  try {
    await client.query(
      `SET statement_timeout = ${STATEMENT_TIMEOUT_MS}; SET idle_in_transaction_session_timeout = ${SILENCE_TIMEOUT_MS};
       SET TimeZone = 'UTC'`,
    );
    if (!(await tryTakePlace(client, 'retention'))) return undefined;
    return await new Run(client, options).all();
  } finally {
    client.release(true);
  }
}

class Run {
  readonly #client: pg.ClientBase;
  readonly #options: RetentionOptions;
  readonly #rows: Record<string, number> = {};
  readonly #partitions: string[] = [];
  #postponed: readonly string[] = [];
  #freedBytes = 0;
  #overfull = false;

  constructor(client: pg.ClientBase, options: RetentionOptions) {
    this.#client = client;
    this.#options = options;
  }

  async all(): Promise<RetentionReport> {
    const { detailDays, rollupDays, maxBytes } = this.#options.limits;
    const projected = await this.#projected();
    if (projected !== undefined) {
      const nowMs = this.#options.clock.nowMs();
      if (detailDays > 0) await this.#byAge('detail', agedMs(nowMs, detailDays, projected));
      if (rollupDays > 0) await this.#byAge('rollup', agedMs(nowMs, rollupDays, projected));
      await this.#drop();
      if (maxBytes > 0) await this.#bySize(maxBytes, projected.tsMs);
      if (await imagesAreDue(this.#client))
        this.#count('spark_images', await cutImages(this.#client, isoOf(nowMs)));
    }
    return {
      partitions: this.#partitions,
      postponed: this.#postponed,
      rows: this.#rows,
      freedBytes: this.#freedBytes,
      bytes: await weighReadModels(this.#client, await readTables(this.#client)),
      overfull: this.#overfull,
    };
  }

  /** The newest event that is projected, and whether that is all there is. The log's end is asked first. */
  async #projected(): Promise<{ tsMs: number; level: boolean } | undefined> {
    const logEnd = await this.#options.logEnd();
    const checkpoint = await readCheckpoint(this.#client, LOG_CHECKPOINT);
    if (checkpoint?.lastTsMs == null) return undefined;
    return { tsMs: checkpoint.lastTsMs, level: readAfter(checkpoint.lastSeq) >= logEnd };
  }

  async #byAge(term: RetentionTerm, oldMs: number): Promise<void> {
    if (term === 'detail') {
      const cutMs = cutByAge(await livePartitions(this.#client), oldMs);
      if (cutMs !== undefined) await cutPartitions(this.#client, cutMs);
      this.#count('spark_dead_letters', await cutLetters(this.#client, isoOf(oldMs)));
    }
    // By the hour: what is cut at every run by the minute is a cut each, and a rebuild stops at each.
    await this.#cutRows(term, startOf(oldMs, 'hour'));
  }

  async #bySize(maxBytes: number, projectedMs: number): Promise<void> {
    for (;;) {
      const bytes = await weighReadModels(this.#client, await readTables(this.#client));
      this.#overfull = bytes > maxBytes;
      const cutMs = cutBySize(await livePartitions(this.#client), { bytes, maxBytes }, projectedMs);
      if (cutMs === undefined) return;
      await cutPartitions(this.#client, cutMs);
      await this.#cutRows('detail', cutMs);
      const before = this.#partitions.length;
      await this.#drop();
      // Readers hold them: to cut more would free no more.
      if (this.#partitions.length === before) return;
    }
  }

  async #cutRows(term: RetentionTerm, beforeMs: number): Promise<void> {
    const { signal, clock, sliceRows } = this.#options;
    for (const rule of ROW_RULES.filter((each) => each.term === term)) {
      for (;;) {
        signal.throwIfAborted();
        const rows = await cutRows(this.#client, rule, isoOf(beforeMs), sliceRows);
        if (rows === 0) break;
        this.#count(rule.table, rows ?? 0);
        await pause(clock, rows === undefined ? RETRY_MS : BREATH_MS, signal);
      }
    }
  }

  async #drop(): Promise<void> {
    const { dropped, postponed, rows } = await dropCutPartitions(this.#client, this.#options);
    for (const part of dropped) {
      this.#partitions.push(`${part.schema}.${part.name}`);
      this.#freedBytes += part.bytes;
    }
    for (const [table, count] of Object.entries(rows)) this.#count(table, count);
    this.#postponed = postponed.map((part) => `${part.schema}.${part.name}`);
  }

  #count(table: string, rows: number): void {
    if (rows > 0) this.#rows[table] = (this.#rows[table] ?? 0) + rows;
  }
}

function isoOf(tsMs: number): string {
  return new Date(tsMs).toISOString();
}

import type pg from 'pg';
import { ensurePartitions, hoursToMake, newestStep } from '../postgres/partitions.js';
import { PartitionPace } from './partitionPace.js';
import type { Tables } from './slots/tables.js';

/** Keeps partitions ahead of what is written to some tables, by day or by hour as the log's own rate asks for. */
export class PartitionsAhead {
  readonly #pool: pg.Pool;
  readonly #tables: Tables;
  readonly #known = new Set<number>();
  readonly #hourAboveEventsPerS: number | undefined;
  #pace: PartitionPace | undefined;

  /** `pool` as `spark_projector`; the connection that writes may be inside a transaction. */
  constructor(pool: pg.Pool, tables: Tables, hourAboveEventsPerS: number | undefined) {
    this.#pool = pool;
    this.#tables = tables;
    this.#hourAboveEventsPerS = hourAboveEventsPerS;
  }

  /** Rows of these hours (`hourOf`) have a place when it resolves. */
  async ensure(hours: Iterable<number>): Promise<void> {
    const [first] = this.#tables.partitioned;
    if (first === undefined) return;
    // After a restart the pace is where it was: the partitions say so.
    this.#pace ??= new PartitionPace(
      (await newestStep(this.#pool, first)) ?? 'day',
      this.#hourAboveEventsPerS,
    );
    const { step } = this.#pace;
    const missing = hoursToMake(hours, this.#known, step);
    if (missing.length === 0) return;
    await ensurePartitions(this.#pool, this.#tables.partitioned, missing, step);
    for (const hour of missing) this.#known.add(hour);
  }

  /** A batch of so many events is written, the newest of them of this time. */
  wrote(events: number, newestTsMs: number): void {
    this.#pace?.add(events, newestTsMs);
  }
}

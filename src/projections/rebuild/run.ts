import type pg from 'pg';
import { every } from '../../core/clock.js';
import { streamSeqOf } from '../../events/event.js';
import { classifyPostgresError } from '../../postgres/errors.js';
import { HEARTBEAT_MS } from '../projectorConnection.js';
import type { BatchStats } from '../projectorOptions.js';
import { bySlot, type RebuildJob } from './begin.js';
import { isNear, leftMsOf, placeToReach } from './catchUp.js';
import { indexFilledTables } from './emptyTables.js';
import { IndexRefusedError } from './errors.js';
import { IdleFold } from './idleFold.js';
import { Meter } from './meter.js';
import type { RebuildOptions } from './options.js';

/** One way from the job's checkpoint to the live read models, with what it counts. */
export class IdleRun {
  readonly fold: IdleFold;
  readonly counts = { events: 0, poisoned: 0, imagesMissing: 0 };
  readonly #control: pg.ClientBase;
  readonly #client: pg.ClientBase;
  readonly #options: RebuildOptions;
  readonly #job: RebuildJob;
  readonly #meter: Meter;

  constructor(control: pg.ClientBase, client: pg.ClientBase, options: RebuildOptions, job: RebuildJob) {
    this.#control = control;
    this.#client = client;
    this.#options = options;
    this.#job = job;
    const from = streamSeqOf(job.lastSeq);
    this.#meter = new Meter(options.clock.monotonicMs(), from, from);
    this.fold = new IdleFold({
      client,
      projection: { ...options, onBatch: (stats) => this.#count(stats) },
      ...{ tables: job.tables, checkpoint: job.checkpoint, lastSeq: job.lastSeq },
      ...{ streamCreated: job.log.created, entries: job.entries, lost: job.lost, imagesIn: job.imagesIn },
    });
  }

  /** The server ends a projector's connection that says nothing: while indexes are built, or the live projector is waited for. */
  async awake<T>(work: () => Promise<T>): Promise<T> {
    const stop = every(
      HEARTBEAT_MS,
      () => this.#client.query('SELECT 1').then(() => undefined),
      () => undefined, // the fold's own next query tells
    );
    try {
      return await work();
    } finally {
      stop();
    }
  }

  /** The bulk, the indexes, and then rounds until little is left. */
  async catchUp(): Promise<void> {
    const { clock, signal } = this.#options;
    this.#enter('folding');
    await this.#foldTo(await this.#target());
    this.#enter('indexing');
    await this.#index();
    this.#enter('catching_up');
    for (let round = 0; ; round++) {
      const [fromSeq, beganMs] = [this.fold.lastSeq, clock.monotonicMs()];
      await this.#foldTo(await this.#target());
      const done = { fromSeq, toSeq: this.fold.lastSeq, tookMs: clock.monotonicMs() - beganMs };
      signal.throwIfAborted();
      if (isNear(leftMsOf(done, this.fold.lastSeq, await this.#target()), round)) break;
    }
    this.#enter('flipping');
  }

  async #target(): Promise<number> {
    const { plan, log } = this.#job;
    const seq = await placeToReach(this.#control, this.#options.logSource, {
      whole: plan.whole,
      foreign: log.foreign,
    });
    this.#meter.aim(streamSeqOf(seq));
    return seq;
  }

  async #foldTo(seq: number): Promise<void> {
    await this.fold.to(seq, this.#options.signal);
  }

  async #index(): Promise<void> {
    try {
      const { pool, signal } = this.#options;
      for (const [slot, tables] of bySlot(this.#job.slots))
        await indexFilledTables(this.#control, pool, tables, slot, signal);
    } catch (cause) {
      if (classifyPostgresError(cause) !== 'data') throw cause;
      throw new IndexRefusedError('an index cannot be made over the rows', { cause });
    }
  }

  #enter(phase: Parameters<Meter['enter']>[0]): void {
    this.#meter.enter(phase);
    this.#options.onProgress?.(this.#meter.now());
  }

  #count(stats: BatchStats): void {
    this.counts.events += stats.events;
    this.counts.poisoned += stats.poisoned;
    this.counts.imagesMissing += stats.imagesMissing;
    this.#options.onBatch?.(stats);
    this.#meter.add(this.#options.clock.monotonicMs(), streamSeqOf(stats.lastSeq), stats.events);
    this.#options.onProgress?.(this.#meter.now());
  }
}

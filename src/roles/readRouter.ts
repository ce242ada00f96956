import type { Clock } from '../core/clock.js';
import { within } from '../core/within.js';
import { ReadModelsAwayError, ReadModelsBehindError } from '../http/readErrors.js';
import type { ReadAnswer, ReadSource } from '../http/readPort.js';
import type { Metrics } from '../observability/metrics.js';
import { classifyPostgresError } from '../postgres/errors.js';
import type { PostgresPools } from '../postgres/pools.js';
import { LOG_CHECKPOINT, readCheckpoint } from '../projections/checkpoint.js';
import { createSeqWaiter, type SeqWaiter } from '../projections/seqWaiter.js';
import { planReads, type ReadPlan } from './planReads.js';
import type { ServerWatch } from './serverWatch.js';

/** A position is asked for once in this time, however many reads there are: an older one is still a true lower bound. */
const POSITION_SHARED_MS = 50;
/** A server that is late already gets no more than this. */
const LATE_MS = 1_500;
/** The second server has had all the time that the first one took. */
const LAST_CHANCE_MS = 250;

type Pool = PostgresPools['primary'];

interface Position {
  readonly appliedSeq: number;
  readonly lastTsMs: number | null;
}

export interface ReadRouterOptions {
  readonly pools: PostgresPools;
  readonly clock: Clock;
  readonly watch: ServerWatch;
  readonly metrics: Pick<Metrics, 'inc'>;
}

/**
 * Sends each read to the server that suits it: the replica, or the primary while the replica is away or far behind, or the replica,
 * however stale, while the primary is away. Every answer says who gave it and how much of the log it shows.
 */
export class ReadRouter {
  readonly #options: ReadRouterOptions;
  readonly #waiters: Readonly<Record<ReadSource, SeqWaiter>>;
  readonly #positions: Partial<Record<ReadSource, { atMs: number; answer: Promise<Position> }>> = {};

  constructor(options: ReadRouterOptions) {
    const { pools, clock } = options;
    this.#options = options;
    this.#waiters = {
      replica: createSeqWaiter(pools.replica, clock),
      primary: createSeqWaiter(pools.primary, clock),
    };
  }

  /** Rows that contain the log up to `afterSeq`. Throws `ReadModelsBehindError` when nobody who answers has them, `ReadModelsAwayError` when nobody answers. */
  async read<T>(query: (pool: Pool) => Promise<T>, afterSeq = 0): Promise<ReadAnswer<T>> {
    const plan = this.#plan();
    let cause: unknown;
    let { because } = plan;
    for (const server of plan.servers) {
      try {
        const answer = await this.#ask(server, query, afterSeq);
        this.#options.metrics.inc('spark_reads_total', { source: server, because });
        return answer;
      } catch (error) {
        if (classifyPostgresError(error) === 'unavailable') this.#options.watch.doubt(server);
        because = error instanceof ReadModelsBehindError ? 'behind' : 'away';
        cause = cause instanceof ReadModelsBehindError ? cause : error;
      }
    }
    this.#options.metrics.inc('spark_reads_total', { source: 'none', because });
    if (cause instanceof ReadModelsBehindError) throw cause;
    throw new ReadModelsAwayError('neither replica nor primary answers', { cause });
  }

  /** Rows of this very server: the other one may be behind it. */
  readFrom<T>(server: ReadSource, query: (pool: Pool) => Promise<T>): Promise<ReadAnswer<T>> {
    return this.#ask(server, query, 0);
  }

  /** Resolves once a server has everything up to `seq`, naming it; `reached: false` after the timeout or an abort. */
  async waitForSeq(
    seq: number,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly reached: boolean; readonly source: ReadSource }> {
    const { servers } = this.#plan();
    for (const [at, server] of servers.entries()) {
      const limitMs = at === 0 ? timeoutMs : LAST_CHANCE_MS;
      if (await this.#reached(server, seq, limitMs, signal)) return { reached: true, source: server };
      if (signal.aborted) break;
    }
    return { reached: false, source: servers.at(-1) ?? 'primary' };
  }

  #plan(): ReadPlan {
    const { pools, watch } = this.#options;
    return planReads({
      hasReplica: pools.hasReplica,
      replica: watch.state('replica'),
      replicaBehind: watch.replicaIsBehind(),
      primary: watch.state('primary'),
    });
  }

  #ask<T>(server: ReadSource, query: (pool: Pool) => Promise<T>, afterSeq: number): Promise<ReadAnswer<T>> {
    const { pools, watch } = this.#options;
    const asking = async (): Promise<ReadAnswer<T>> => {
      // Before the rows: what is projected in between makes them newer than they say, never older.
      const { appliedSeq, lastTsMs } = await this.#position(server);
      if (appliedSeq < afterSeq) throw new ReadModelsBehindError(afterSeq, appliedSeq);
      const data = await query(pools[server]);
      return { data, source: server, appliedSeq, lagMs: Math.round(watch.lagMs(appliedSeq, lastTsMs)) };
    };
    return watch.isUp(server)
      ? unlessDown(watch, server, asking)
      : within(this.#options.clock, LATE_MS, asking());
  }

  #position(server: ReadSource): Promise<Position> {
    const { pools, clock } = this.#options;
    const known = this.#positions[server];
    const nowMs = clock.monotonicMs();
    if (known !== undefined && nowMs - known.atMs <= POSITION_SHARED_MS) return known.answer;
    const answer = readCheckpoint(pools[server], LOG_CHECKPOINT).then((found) => ({
      appliedSeq: found?.lastSeq ?? 0,
      lastTsMs: found?.lastTsMs ?? null,
    }));
    this.#positions[server] = { atMs: nowMs, answer };
    return answer;
  }

  async #reached(server: ReadSource, seq: number, limitMs: number, signal: AbortSignal): Promise<boolean> {
    const over = new AbortController();
    const stop = (): void => over.abort();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) over.abort();
    const forget = this.#options.watch.onDown(server, stop);
    try {
      return !over.signal.aborted && (await this.#waiters[server].waitForSeq(seq, limitMs, over.signal));
    } finally {
      signal.removeEventListener('abort', stop);
      forget();
    }
  }
}

/** The answer, or `ReadModelsAwayError` as soon as the server is known to be away; an answer that comes later is nobody's. */
function unlessDown<T>(watch: ServerWatch, server: ReadSource, ask: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const forget = watch.onDown(server, () =>
      reject(new ReadModelsAwayError(`the ${server} does not answer`)),
    );
    ask().then(resolve, reject).finally(forget);
  });
}

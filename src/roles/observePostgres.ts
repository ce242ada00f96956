import type { Clock } from '../core/clock.js';
import { within } from '../core/within.js';
import type { Metrics } from '../observability/metrics.js';
import type { PostgresPools } from '../postgres/pools.js';
import { countOpenDeadLetters } from '../projections/deadLetters/queries.js';
import type { ServerWatch } from './serverWatch.js';

/** A scrape waits no longer for Postgres. */
const ANSWER_MS = 1_000;
/** No sample at all: a server that does not answer has no lag that anybody could know, and the last good value would be a lie. */
const NOTHING: readonly [] = [];

/** Lag that does not lie (postgres.md, "Replica"): who answers, positions in the log, bytes behind, and whether the standby is streaming. */
export function observePostgres(
  metrics: Metrics,
  pools: PostgresPools,
  watch: ServerWatch,
  clock: Clock,
): void {
  const servers = pools.hasReplica ? (['primary', 'replica'] as const) : (['primary'] as const);
  metrics.collect('spark_postgres_up', () =>
    servers.map((server) => ({ labels: { server }, value: watch.isUp(server) ? 1 : 0 })),
  );
  if (pools.hasReplica) observeReplica(metrics, watch, clock);
  metrics.collect('spark_dead_letters_open', () =>
    within(
      clock,
      ANSWER_MS,
      countOpenDeadLetters(pools.hasReplica && watch.isUp('replica') ? pools.replica : pools.primary),
    ),
  );
  metrics.collect('spark_pool_connections', () => servers.flatMap((pool) => poolReadings(pool, pools[pool])));
}

function observeReplica(metrics: Metrics, watch: ServerWatch, clock: Clock): void {
  metrics.collect('spark_replica_streaming', () => (watch.sample('replica')?.streaming === true ? 1 : 0));
  metrics.collect('spark_replica_lag_seconds', () => {
    const lagMs = watch.replicaLagMs();
    return lagMs === undefined ? NOTHING : lagMs / 1_000;
  });
  metrics.collect('spark_replica_lag_bytes', () => {
    const [written, replayed] = [watch.sample('primary')?.walBytes, watch.sample('replica')?.walBytes];
    const known = typeof written === 'number' && typeof replayed === 'number';
    return known ? Math.max(0, written - replayed) : NOTHING;
  });
  metrics.collect('spark_replica_freshness_seconds', () => {
    const completeUntilMs = watch.sample('replica')?.completeUntilMs;
    if (typeof completeUntilMs !== 'number') return NOTHING;
    return Math.max(0, clock.nowMs() - completeUntilMs) / 1_000;
  });
}

/** The connections of a pool by state, and how many there may be. */
export function poolReadings(pool: string, { idleCount, totalCount, waitingCount, options }: Pool) {
  const values = {
    idle: idleCount,
    used: totalCount - idleCount,
    waiting: waitingCount,
    max: options.max ?? 0,
  };
  return Object.entries(values).map(([state, value]) => ({ labels: { pool, state }, value }));
}

type Pool = PostgresPools['primary'];

import type { Clock } from '../core/clock.js';
import type { Metrics } from '../observability/metrics.js';
import type { PostgresPools } from '../postgres/pools.js';
import { countOpenDeadLetters } from '../projections/deadLetters/queries.js';
import { type Freshness, freshness } from '../projections/freshness.js';

/** One question to Postgres a scrape, however many gauges it fills. */
const SHARED_MS = 1_000;

/** Lag that does not lie (postgres.md, "Replica"): positions in the log, bytes behind, and whether the standby is streaming. */
export function observePostgres(metrics: Metrics, pools: PostgresPools, clock: Clock): void {
  let asked: { atMs: number; answer: Promise<Freshness> } | undefined;
  const ask = (): Promise<Freshness> => {
    const nowMs = clock.monotonicMs();
    if (!asked || nowMs - asked.atMs > SHARED_MS) asked = { atMs: nowMs, answer: freshness(pools) };
    return asked.answer;
  };
  metrics.collect('spark_replica_lag_bytes', async () => (await ask()).bytesBehind ?? Number.NaN);
  metrics.collect('spark_replica_streaming', async () => ((await ask()).streaming === true ? 1 : 0));
  metrics.collect('spark_replica_lag_seconds', async () => {
    const { primarySeq, replicaSeq, replicaTsMs } = await ask();
    return primarySeq === replicaSeq || replicaTsMs === null
      ? 0
      : Math.max(0, (clock.nowMs() - replicaTsMs) / 1_000);
  });
  metrics.collect('spark_dead_letters_open', () =>
    countOpenDeadLetters(pools.hasReplica ? pools.replica : pools.primary),
  );
  const connections = (pool: 'primary' | 'replica') => {
    const { idleCount, totalCount, waitingCount, options } = pools[pool];
    const values = {
      idle: idleCount,
      used: totalCount - idleCount,
      waiting: waitingCount,
      max: options.max ?? 0,
    };
    return Object.entries(values).map(([state, value]) => ({ labels: { pool, state }, value }));
  };
  metrics.collect('spark_pool_connections', () => [
    ...connections('primary'),
    ...(pools.hasReplica ? connections('replica') : []),
  ]);
}

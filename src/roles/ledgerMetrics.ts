import type { Clock } from '../core/clock.js';
import type { Metrics } from '../observability/metrics.js';
import type { Ledger, LedgerLimits } from '../workers/ledger/ledger.js';

/** The promise about idempotency keys and how far it is kept; `ledger` is undefined while the worker has none. */
export function observeLedger(
  metrics: Metrics,
  ledger: () => Ledger | undefined,
  limits: LedgerLimits,
  clock: Clock,
): void {
  metrics.set('spark_ledger_max_keys', {}, limits.maxKeys);
  metrics.set('spark_ledger_term_seconds', {}, limits.termMs / 1_000);
  metrics.collect('spark_ledger_keys', () => ledger()?.size ?? 0);
  metrics.collect('spark_ledger_bytes', () => ledger()?.bytes ?? 0);
  metrics.collect('spark_ledger_evicted_total', () => ledger()?.evicted ?? 0);
  metrics.collect('spark_ledger_oldest_key_age_seconds', () => {
    const oldestMs = ledger()?.oldestMs;
    return oldestMs === undefined ? 0 : Math.max(0, clock.nowMs() - oldestMs) / 1_000;
  });
}

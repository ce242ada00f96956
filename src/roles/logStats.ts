import type { Metrics } from '../observability/metrics.js';
import type { LogStats } from '../streams/partitionLog.js';

/** What the appenders of all partitions tell, as the publisher's metrics (product.md section 2). */
export function createLogStats(metrics: Metrics): LogStats {
  let unacked = 0;
  metrics.collect('spark_publish_queue_depth', () => [{ labels: { stream: 'log' }, value: unacked }]);
  return {
    waiting: (events) => {
      unacked += events;
    },
    acked: (durationMs) =>
      metrics.observe('spark_publish_duration_seconds', { stream: 'log' }, durationMs / 1_000),
    published: (events) => metrics.inc('spark_events_published_total', {}, events),
    failed: () => metrics.inc('spark_publish_failures_total', { stream: 'log' }),
  };
}

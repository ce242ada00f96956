import { messageOf } from '../core/errors.js';
import type { Service } from '../core/service.js';
import type { Metrics } from '../observability/metrics.js';
import { createPool } from '../postgres/pools.js';
import type { RetentionReport } from '../projections/retention/run.js';
import { createRetention } from '../projections/retention/service.js';
import type { RoleContext } from './context.js';

type Pool = ReturnType<typeof createPool>;

/** Retention of the read models, with connections of its own for what only their owner may do and for a look at the standby's readers. */
export function createRetentionService(
  { config, parts, clock, logger, metrics }: RoleContext,
  { pool, logEnd }: { readonly pool: Pool; readonly logEnd: () => Promise<{ readonly streamSeq: number }> },
): Service {
  const onError = (error: Error): void =>
    logger.warn({ error: messageOf(error) }, 'retention lost a connection to Postgres');
  const { postgres } = parts;
  const common = { applicationName: 'spark-retention', onError };
  const owner = createPool({ ...common, url: postgres.adminUrl, maxConnections: 2, statementTimeoutMs: 0 });
  const replica = postgres.hasReplica
    ? createPool({
        ...common,
        url: postgres.urlOf('spark_ingest', 'replica'),
        maxConnections: 1,
        answerTimeoutMs: 5_000,
      })
    : undefined;
  const retention = createRetention({
    ...{ pool, owner, replica, clock },
    everyMs: config.SPARK_RETENTION_EVERY_MS,
    limits: {
      detailDays: config.SPARK_RETENTION_DAYS,
      rollupDays: config.SPARK_ROLLUP_RETENTION_DAYS,
      maxBytes: config.SPARK_RETENTION_MAX_BYTES,
    },
    logEnd: async () => (await logEnd()).streamSeq,
    onRun: (report) => {
      count(metrics, report);
      const { partitions, rows, freedBytes, bytes, postponed } = report;
      if (partitions.length > 0 || Object.keys(rows).length > 0)
        logger.info(
          { partitions, rows, freedBytes, bytes },
          'old rows left the read models; the log keeps them',
        );
      if (postponed.length > 0)
        logger.warn({ postponed }, 'readers hold partitions that are to go; the next run goes on');
      if (report.overfull)
        logger.warn(
          { bytes, maxBytes: config.SPARK_RETENTION_MAX_BYTES },
          'the read models weigh more than SPARK_RETENTION_MAX_BYTES, and all that could go has gone',
        );
    },
    onError: (error) => {
      metrics.inc('spark_retention_failures_total', {});
      logger.warn({ error: messageOf(error) }, 'retention is interrupted; the next run goes on');
    },
  });
  return {
    name: retention.name,
    start: () => retention.start(),
    stop: async () => {
      await retention.stop();
      await Promise.all([owner.end(), replica?.end()]);
    },
  };
}

function count(metrics: Metrics, report: RetentionReport): void {
  metrics.inc('spark_retention_partitions_dropped_total', {}, report.partitions.length);
  metrics.inc('spark_retention_freed_bytes_total', {}, report.freedBytes);
  for (const [table, rows] of Object.entries(report.rows))
    metrics.inc('spark_retention_rows_deleted_total', { read_model: table }, rows);
  metrics.set('spark_read_models_bytes', {}, report.bytes);
}

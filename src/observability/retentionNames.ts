/** What retention says of itself; part of the one table of metrics (names.ts). */
export const RETENTION_METRICS = {
  spark_retention_partitions_dropped_total: {
    kind: 'counter',
    help: 'Partitions of read models that retention has dropped, in both slots',
    labels: [],
  },
  spark_retention_rows_deleted_total: {
    kind: 'counter',
    help: 'Rows that retention has deleted from read models without partitions',
    labels: ['read_model'],
  },
  spark_retention_freed_bytes_total: {
    kind: 'counter',
    help: 'What the dropped partitions weighed',
    labels: [],
  },
  spark_retention_failures_total: {
    kind: 'counter',
    help: 'Runs of retention that failed; the next run goes on',
    labels: [],
  },
  spark_read_models_bytes: {
    kind: 'gauge',
    help: 'What the live read models weigh with indexes, at the last run of retention (none is set: not measured)',
    labels: [],
  },
} as const;

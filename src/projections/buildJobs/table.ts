import { bigint, doublePrecision, integer, text, uuid } from 'drizzle-orm/pg-core';
import { spark, timestamptz } from '../../postgres/orm.js';
import type { BuildJobState } from './fold.js';

export const sparkBuildJobs = spark.table('spark_build_jobs', {
  jobId: uuid('job_id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).notNull(),
  sessionId: text('session_id').notNull(),
  editor: text('editor').notNull(),
  target: text('target').notNull(),
  outputPath: text('output_path').notNull(),
  state: text('state').$type<BuildJobState>().notNull(),
  startedAt: timestamptz('started_at').notNull(),
  finishedAt: timestamptz('finished_at'),
  durationMs: doublePrecision('duration_ms'),
  totalBytes: bigint('total_bytes', { mode: 'number' }),
  warnings: integer('warnings'),
  errorCode: text('error_code'),
});

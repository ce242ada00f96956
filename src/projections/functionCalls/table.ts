import { bigint, doublePrecision, integer, text, uuid } from 'drizzle-orm/pg-core';
import { spark, timestamptz } from '../../postgres/orm.js';

export const sparkFunctionCalls = spark.table('spark_function_calls', {
  seq: bigint('seq', { mode: 'number' }).notNull(),
  ts: timestamptz('ts').notNull(),
  durationMs: doublePrecision('duration_ms'),
  commandId: uuid('command_id').notNull(),
  attempts: integer('attempts').notNull(),
  name: text('name').notNull(),
  status: text('status').$type<'success' | 'error'>().notNull(),
  outcome: text('outcome').notNull(),
  sessionId: text('session_id').notNull(),
  editor: text('editor').notNull(),
  errorCode: text('error_code'),
});

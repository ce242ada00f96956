import { bigint, integer, text } from 'drizzle-orm/pg-core';
import { spark, timestamptz } from '../../postgres/orm.js';

const count = (name: string) => bigint(name, { mode: 'number' }).notNull();

export const sparkSessions = spark.table('spark_sessions', {
  sessionId: text('session_id').primaryKey(),
  firstSeen: timestamptz('first_seen').notNull(),
  lastSeen: timestamptz('last_seen').notNull(),
  events: count('events'),
  commands: count('commands'),
  started: count('started'),
  completed: count('completed'),
  failed: count('failed'),
  rejected: count('rejected'),
  conflict: count('conflict'),
  outcomeUnknown: count('outcome_unknown'),
  cancelled: count('cancelled'),
  editors: text('editors').array().notNull(),
  editorCount: integer('editor_count').notNull(),
  lastSeq: count('last_seq'),
});

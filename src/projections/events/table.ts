import { bigint, jsonb, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { spark, timestamptz } from '../../postgres/orm.js';
import type { EventRow } from './rows.js';

export const sparkEvents = spark.table('spark_events', {
  seq: bigint('seq', { mode: 'number' }).notNull(),
  ts: timestamptz('ts').notNull(),
  eventId: uuid('event_id').notNull(),
  commandId: uuid('command_id').notNull(),
  logPartition: smallint('log_partition').notNull(),
  type: text('type').notNull(),
  sessionId: text('session_id').notNull(),
  payload: jsonb('payload').$type<EventRow['payload']>().notNull(),
});

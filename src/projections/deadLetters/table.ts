import { bigint, boolean, integer, jsonb, text } from 'drizzle-orm/pg-core';
import { spark, timestamptz } from '../../postgres/orm.js';

export const sparkDeadLetters = spark.table('spark_dead_letters', {
  source: text('source').$type<'stream' | 'projector'>().notNull(),
  id: bigint('id', { mode: 'number' }).notNull(),
  ts: timestamptz('ts').notNull(),
  reason: text('reason').notNull(),
  attempts: integer('attempts').notNull(),
  lastError: text('last_error').notNull(),
  originalSubject: text('original_subject').notNull(),
  sessionId: text('session_id'),
  editor: text('editor'),
  commandId: text('command_id'),
  headers: jsonb('headers').$type<Readonly<Record<string, string>>>().notNull(),
  body: text('body').notNull(),
  bodyEncoding: text('body_encoding').$type<'utf8' | 'base64'>().notNull(),
  bodyTruncated: boolean('body_truncated').notNull(),
  streamSeq: bigint('stream_seq', { mode: 'number' }).notNull(),
  streamIndex: integer('stream_index').notNull(),
});

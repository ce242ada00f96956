import { bigint, boolean, integer, jsonb, text, uuid } from 'drizzle-orm/pg-core';
import { bySchema, spark, timestamptz } from '../../postgres/orm.js';

export type DeadLetterState = 'open' | 'redriven' | 'dropped';

/** Letters of the stream and of the projector; by schema: `spark` shows the live slot's. */
export const sparkDeadLettersIn = bySchema((schema) =>
  schema.table('spark_dead_letters', {
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
    streamMark: text('stream_mark'),
    type: text('type'),
    state: text('state').$type<DeadLetterState>().notNull(),
    redrivenAt: timestamptz('redriven_at'),
    redrivenAs: uuid('redriven_as'),
    droppedAt: timestamptz('dropped_at'),
    actedBy: text('acted_by'),
    redrives: integer('redrives').notNull(),
  }),
);

export const sparkDeadLetters = sparkDeadLettersIn('spark');

export const sparkDeadLetterActions = spark.table('spark_dead_letter_actions', {
  seq: bigint('seq', { mode: 'number' }).primaryKey(),
  ts: timestamptz('ts').notNull(),
  letterId: bigint('letter_id', { mode: 'number' }).notNull(),
  action: text('action').$type<'redriven' | 'dropped'>().notNull(),
  actor: text('actor').notNull(),
  commandId: uuid('command_id'),
  redrive: integer('redrive'),
  payloadSha: text('payload_sha'),
});

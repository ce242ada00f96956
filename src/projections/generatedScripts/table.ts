import { bigint, integer, text, uuid } from 'drizzle-orm/pg-core';
import { spark, timestamptz } from '../../postgres/orm.js';
import type { ScriptRow } from './rows.js';

export const sparkGeneratedScripts = spark.table('spark_generated_scripts', {
  seq: bigint('seq', { mode: 'number' }).primaryKey(),
  ts: timestamptz('ts').notNull(),
  commandId: uuid('command_id').notNull(),
  operationId: uuid('operation_id'),
  action: text('action').$type<ScriptRow['action']>().notNull(),
  sessionId: text('session_id').notNull(),
  editor: text('editor').notNull(),
  path: text('path'),
  sha256: text('sha256'),
  bytes: integer('bytes'),
  guid: text('guid'),
});

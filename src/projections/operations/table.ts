import { bigint, integer, text, uuid } from 'drizzle-orm/pg-core';
import { bySchema, timestamptz } from '../../postgres/orm.js';
import type { OperationState } from './fold.js';

/** By schema: `spark` is the view over the live slot, a slot's schema the table. */
export const sparkOperationsIn = bySchema((schema) =>
  schema.table('spark_operations', {
    operationId: uuid('operation_id').primaryKey(),
    /** The unit it is undone and redone with; null: it stands alone. */
    unitId: uuid('unit_id'),
    /** Its place among the operations of the event that made it: they share its `seq`. */
    ordinal: integer('ordinal').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    ts: timestamptz('ts').notNull(),
    commandId: uuid('command_id').notNull(),
    sessionId: text('session_id').notNull(),
    editor: text('editor').notNull(),
    path: text('path').notNull(),
    tool: text('tool').notNull(),
    state: text('state').$type<OperationState>().notNull(),
    beforeSha256: text('before_sha256'),
    afterSha256: text('after_sha256'),
    beforeBytes: integer('before_bytes'),
    afterBytes: integer('after_bytes'),
    beforeMetaSha256: text('before_meta_sha256'),
    afterMetaSha256: text('after_meta_sha256'),
    beforeMetaBytes: integer('before_meta_bytes'),
    afterMetaBytes: integer('after_meta_bytes'),
    beforeGuid: text('before_guid'),
    afterGuid: text('after_guid'),
    stateCommandId: uuid('state_command_id').notNull(),
    stateTs: timestamptz('state_ts').notNull(),
    lastSeq: bigint('last_seq', { mode: 'number' }).notNull(),
  }),
);

export const sparkOperations = sparkOperationsIn('spark');

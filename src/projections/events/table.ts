import { bigint, json, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { bySchema, timestamptz } from '../../postgres/orm.js';
import type { EventRow } from './rows.js';

/** By schema: `spark` is the view over the live slot, a slot's schema the table. */
export const sparkEventsIn = bySchema((schema) =>
  schema.table('spark_events', {
    seq: bigint('seq', { mode: 'number' }).notNull(),
    ts: timestamptz('ts').notNull(),
    eventId: uuid('event_id').notNull(),
    commandId: uuid('command_id').notNull(),
    logPartition: smallint('log_partition').notNull(),
    type: text('type').notNull(),
    sessionId: text('session_id').notNull(),
    payload: json('payload').$type<EventRow['payload']>().notNull(),
  }),
);

import { bigint, integer, jsonb, smallint, text, uuid } from 'drizzle-orm/pg-core';
import type { EventError } from '../../events/event.js';
import type { CommandState } from '../../events/outcome.js';
import { bySchema, timestamptz } from '../../postgres/orm.js';

/** The view over states and the overlay of accepted commands, by schema: `spark` shows the live slot (migrations/0020_read_model_slots.sql). */
export const sparkCommandsIn = bySchema((schema) =>
  schema
    .view('spark_commands', {
      commandId: uuid('command_id').notNull(),
      idempotencyKey: text('idempotency_key'),
      type: text('type').notNull(),
      sessionId: text('session_id').notNull(),
      editor: text('editor').notNull(),
      actor: text('actor'),
      state: text('state').$type<CommandState>().notNull(),
      attempts: integer('attempts').notNull(),
      acceptedAt: timestamptz('accepted_at'),
      startedAt: timestamptz('started_at'),
      finishedAt: timestamptz('finished_at'),
      errorCode: text('error_code'),
      result: jsonb('result').$type<Readonly<Record<string, unknown>>>(),
      error: jsonb('error').$type<EventError>(),
      correlationId: text('correlation_id'),
      causationId: text('causation_id'),
      priority: smallint('priority'),
      deadline: timestamptz('deadline'),
      path: text('path'),
      payloadSha: text('payload_sha'),
      firstSeq: bigint('first_seq', { mode: 'number' }),
      lastSeq: bigint('last_seq', { mode: 'number' }),
    })
    .existing(),
);

export const sparkCommands = sparkCommandsIn('spark');

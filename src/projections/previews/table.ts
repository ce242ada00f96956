import { bigint, boolean, doublePrecision, integer, text, uuid } from 'drizzle-orm/pg-core';
import { spark, timestamptz } from '../../postgres/orm.js';

export const sparkPreviews = spark.table('spark_previews', {
  seq: bigint('seq', { mode: 'number' }).primaryKey(),
  ts: timestamptz('ts').notNull(),
  commandId: uuid('command_id').notNull(),
  sessionId: text('session_id').notNull(),
  editor: text('editor').notNull(),
  frameSha256: text('frame_sha256').notNull(),
  mime: text('mime').notNull(),
  bytes: integer('bytes').notNull(),
  widthPx: integer('width_px').notNull(),
  heightPx: integer('height_px').notNull(),
  requestedWidthPx: integer('requested_width_px').notNull(),
  requestedHeightPx: integer('requested_height_px').notNull(),
  scenePath: text('scene_path'),
  gameObject: text('game_object'),
  mode: text('mode').notNull(),
  durationMs: doublePrecision('duration_ms').notNull(),
  cached: boolean('cached').notNull(),
});

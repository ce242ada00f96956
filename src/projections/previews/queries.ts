import { eq } from 'drizzle-orm';
import type pg from 'pg';
import { orm } from '../../postgres/orm.js';
import { sparkPreviews } from './table.js';

export type PreviewView = typeof sparkPreviews.$inferSelect;

/** A preview that showed this picture, or undefined when no preview did: other images are not for viewers. */
export async function previewOfFrame(pool: pg.Pool, frameSha256: string): Promise<PreviewView | undefined> {
  const rows = await orm(pool)
    .select()
    .from(sparkPreviews)
    .where(eq(sparkPreviews.frameSha256, frameSha256))
    .limit(1);
  return rows[0];
}

import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { eq } from 'drizzle-orm';
import type pg from 'pg';
import { SparkError } from '../../core/errors.js';
import { sha256 } from '../../core/ids.js';
import { orm } from '../../postgres/orm.js';
import { sparkImages } from './table.js';

/** The bytes stored under a hash are not those the hash is of. */
export class ImageDamagedError extends SparkError {
  readonly code = 'image_damaged';
}

const inflate = promisify(inflateRaw);

/** The bytes behind a sha-256, checked against it; undefined when they are not stored. */
export async function imageBytes(pool: pg.Pool, sha: string): Promise<Uint8Array | undefined> {
  const [row] = await orm(pool).select().from(sparkImages).where(eq(sparkImages.sha256, sha));
  if (row === undefined) return undefined;
  const bytes = await inflate(row.data, { maxOutputLength: Math.max(1, row.bytes) });
  if (sha256(bytes) !== sha)
    throw new ImageDamagedError(`the bytes stored as ${sha} are damaged`, { fields: { sha } });
  return bytes;
}

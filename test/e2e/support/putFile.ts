import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Spark } from '../../support/spark.js';

/** Puts a file into an editor's project by hand, with the folders it needs. */
export function putFile(spark: Spark, path: string, bytes: Uint8Array, editor = 'default'): void {
  const file = join(spark.project(editor), path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
}

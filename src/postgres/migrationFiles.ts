import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../core/ids.js';

/** One numbered, forward-only step of the schema. */
export interface Migration {
  /** `0001_roles` */
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

const FILE_PATTERN = /^(\d{4}_[a-z0-9_]+)\.sql$/;

/** The migrations of a folder in the order of their numbers. Line ends do not count: a checkout may have changed them. */
export async function readMigrations(dir: string): Promise<Migration[]> {
  const names = (await readdir(dir)).filter((file) => FILE_PATTERN.test(file)).sort();
  return Promise.all(
    names.map(async (file) => {
      const sql = (await readFile(join(dir, file), 'utf8')).replaceAll('\r\n', '\n');
      return { name: file.replace(/\.sql$/, ''), sql, checksum: sha256(sql) };
    }),
  );
}

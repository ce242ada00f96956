import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from './errors.js';

/** What client commands take from the environment; `start` and the roles have src/config.ts. */
export interface CliEnvironment {
  /** `SPARK_URL` */
  readonly url: string | undefined;
  /** `SPARK_TOKEN`, or the content of the file that `SPARK_TOKEN_FILE` names. */
  readonly token: string | undefined;
  /** `SPARK_HOME`, absolute. */
  readonly home: string;
  /** `NO_COLOR` (any value) or `TERM=dumb`. */
  readonly noColor: boolean;
}

const DEFAULT_HOME = '.spark';

/** Reads the client settings. Throws `UsageError` when `SPARK_TOKEN_FILE` cannot be read. */
export function readCliEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
): CliEnvironment {
  return {
    url: filled(env['SPARK_URL']),
    token: filled(env['SPARK_TOKEN']) ?? tokenFromFile(filled(env['SPARK_TOKEN_FILE'])),
    home: resolve(filled(env['SPARK_HOME']) ?? DEFAULT_HOME),
    noColor: filled(env['NO_COLOR']) !== undefined || env['TERM'] === 'dumb',
  };
}

function filled(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}

function tokenFromFile(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return filled(readFileSync(path, 'utf8').trim());
  } catch (cause) {
    throw new UsageError(`SPARK_TOKEN_FILE names ${path}, which cannot be read`, { cause });
  }
}

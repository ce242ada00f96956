import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFileAtomically } from './atomicFile.js';
import { HomeUnusableError } from './errors.js';

/** What a home remembers between runs (ports, passwords, tokens): one JSON object in a file of mode 0600. */
export interface HomeState {
  /** The remembered value; undefined when there is none. The caller checks its shape. */
  get(key: string): unknown;
  /** Remembers a JSON value; on the disk when it returns. */
  set(key: string, value: unknown): void;
  /** A random secret (32 url-safe characters, 192 bits), made at the first call for this key. */
  secret(key: string): string;
}

export function openStateFile(path: string): HomeState {
  const values = new Map<string, unknown>(Object.entries(read(path)));
  const set = (key: string, value: unknown): void => {
    if (JSON.stringify(values.get(key)) === JSON.stringify(value)) return;
    values.set(key, value);
    writeFileAtomically(path, `${JSON.stringify(Object.fromEntries(values), null, 2)}\n`);
  };
  return {
    get: (key) => values.get(key),
    set,
    secret(key) {
      const known = values.get(key);
      if (typeof known === 'string' && known.length >= 32) return known;
      const fresh = randomBytes(24).toString('base64url');
      set(key, fresh);
      return fresh;
    },
  };
}

function read(path: string): object {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new HomeUnusableError(`The state file ${path} cannot be read.`, { cause: error });
  }
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch {
    // falls through to the same advice
  }
  throw new HomeUnusableError(
    `The state file ${path} is not JSON. Restore it, or start with --fresh to wipe the home.`,
  );
}

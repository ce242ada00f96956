import { readFileSync } from 'node:fs';
import { codeOf } from '../core/errors.js';
import { UsageError } from './errors.js';

/** The bytes of a file as text, unchanged: a byte order mark stays. Throws `UsageError` when it cannot be read or is not UTF-8. */
export function readText(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new UsageError(`${path} cannot be read (${codeOf(cause) ?? 'unknown'})`, { cause });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError(`${path} is not UTF-8 text`, { cause });
  }
}

/** JSON from an argument or a file; `where` names it in the error. */
export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${where} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/**
 * File changes that a kill leaves either done or not done. Nothing here waits for the disk: the files survive the
 * death of the process, and a power cut is the effect log's business (it says what to expect).
 */
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hasErrno } from './errors.js';

let serial = 0;

/** Writes beside the target and renames over it. */
export function replaceFile(target: string, bytes: Uint8Array | string): void {
  serial += 1;
  // Unity ignores names that end in `~`, so a leftover of a killed process never becomes an asset.
  const temporary = `${target}.${process.pid}-${serial}.tmp~`;
  try {
    writeFileSync(temporary, bytes, { flag: 'wx' });
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** The bytes of a file, or undefined when there is no such file. */
export function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if (hasErrno(error, 'ENOENT') || hasErrno(error, 'ENOTDIR') || hasErrno(error, 'EISDIR'))
      return undefined;
    throw error;
  }
}

/** SHA-256 in lower-case hex; text counts as its UTF-8 bytes. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function shaOfFile(file: string): string | null {
  const bytes = readIfThere(file);
  return bytes === undefined ? null : sha256(bytes);
}

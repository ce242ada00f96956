/**
 * An exclusive lease on a home, right even after kill -9 of its holder and with many starters at once.
 *
 * Locks are numbered files, `lock.<n>`; the highest number counts. A lock is taken by hard-linking a complete file
 * to the next number, which exactly one starter can do, and only when the holder of the highest number is gone.
 * Numbers never go back (a release leaves a tombstone), so a starter that decided on old knowledge cannot take a
 * number that somebody has already used: removing a stale file and creating it anew would have that hole.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from './atomicFile.js';
import { HomeInUseError, HomeUnusableError } from './errors.js';
import { identifyProcess, isAlive, type ProcessIdentity, parseIdentity } from './processIdentity.js';

const LOCK_NAME = /^lock\.(\d+)$/;
const ATTEMPTS_LIMIT = 100;

/** Takes the lock of `dir`, or throws HomeInUseError with the holder's pid. Returns the release, idempotent. */
export function acquireHomeLock(dir: string): () => void {
  const self = identifyProcess(process.pid);
  if (self === undefined) throw new HomeUnusableError('This system does not tell when a process started.');
  for (let attempt = 0; attempt < ATTEMPTS_LIMIT; attempt += 1) {
    const highest = highestLock(dir);
    const holder = highest === 0 ? undefined : readHolder(dir, highest);
    if (holder !== undefined && isAlive(holder)) throw new HomeInUseError(dir, holder.pid);
    const number = highest + 1;
    if (!linkLock(dir, number, self)) continue;
    if (highestLock(dir) > number) {
      // A listing is not a snapshot: ours may have missed newer locks while they were being replaced.
      rmSync(lockPath(dir, number), { force: true });
      continue;
    }
    removeOlder(dir, number);
    return releaser(dir, number);
  }
  throw new HomeUnusableError(`The lock of ${dir} changes faster than it can be read.`);
}

/** True for the names the lock keeps in a home: wiping a home must spare them. */
export function isLockFile(name: string): boolean {
  return LOCK_NAME.test(name);
}

function releaser(dir: string, number: number): () => void {
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    writeFileAtomically(lockPath(dir, number), '{"released":true}\n');
  };
}

function linkLock(dir: string, number: number, self: ProcessIdentity): boolean {
  const draft = join(dir, `.lock-${process.pid}-${randomBytes(4).toString('hex')}`);
  writeFileSync(draft, `${JSON.stringify(self)}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, lockPath(dir, number));
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // ENOENT: the holder of that moment wiped the folder, our draft too.
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function highestLock(dir: string): number {
  let highest = 0;
  for (const name of readdirSync(dir)) {
    const number = Number(LOCK_NAME.exec(name)?.[1] ?? 0);
    if (number > highest) highest = number;
  }
  return highest;
}

function readHolder(dir: string, number: number): ProcessIdentity | undefined {
  try {
    return parseIdentity(JSON.parse(readFileSync(lockPath(dir, number), 'utf8')));
  } catch {
    return undefined; // replaced since the listing, or torn by a power cut: no live holder wrote that
  }
}

/** Keeps the one before ours, so that a listing under way always sees at least one number. */
function removeOlder(dir: string, number: number): void {
  for (let old = number - 2; old > 0 && old > number - 20; old -= 1)
    rmSync(lockPath(dir, old), { force: true });
}

function lockPath(dir: string, number: number): string {
  return join(dir, `lock.${number}`);
}

/**
 * Where Postgres keeps its data. Normally in the home; but when we are root and the home lies below a folder that the
 * unprivileged user cannot pass (a checkout under root's own home), outside, in a folder named after the home.
 */
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { canReach, type UserIds } from './runAs.js';
import type { HomeState } from './stateFile.js';

const STATE_KEY = 'postgresRoot';
const OUTSIDE = '/var/tmp';
const NAME = /^spark-[0-9a-f]{16}(-[0-9a-f]{8})?$/;

/** What of a home is needed to place Postgres. */
export interface HomePlace {
  readonly dir: string;
  readonly state: HomeState;
  stateDir(name: string): string;
}

/** The folder for data and binaries, made when missing; reachable for `user`. */
export function choosePostgresRoot(home: HomePlace, user: UserIds | undefined, outside = OUTSIDE): string {
  const remembered = parseExternalRoot(home.state.get(STATE_KEY), home.dir);
  if (remembered !== undefined && isOurs(remembered)) return remembered;
  const inside = home.stateDir('postgres');
  if (user === undefined) return inside;
  chmodSync(inside, 0o711);
  if (canReach(inside, user)) return inside;
  const path = makeOutside(outside, home.dir);
  home.state.set(STATE_KEY, { home: home.dir, path });
  return path;
}

/** The outside folder that the state file of the home `dir` names, if it is ours to remove. */
export function externalRootOf(dir: string, stateFile: string): string | undefined {
  try {
    const state: unknown = JSON.parse(readFileSync(stateFile, 'utf8'));
    if (typeof state !== 'object' || state === null) return undefined;
    const path = parseExternalRoot(Reflect.get(state, STATE_KEY), dir);
    return path !== undefined && isOurs(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

export function removeExternalRoot(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 10 });
}

function makeOutside(outside: string, homeDir: string): string {
  const name = `spark-${createHash('sha256').update(homeDir).digest('hex').slice(0, 16)}`;
  const usual = join(outside, name);
  // Anybody may make a folder there: one that is not ours is left alone, however it is called.
  const path = exists(usual) && !isOurs(usual) ? `${usual}-${randomBytes(4).toString('hex')}` : usual;
  mkdirSync(path, { recursive: true, mode: 0o711 });
  chmodSync(path, 0o711);
  return path;
}

/** A copied home must not share its original's data: the entry counts only for the home it was made for. */
function parseExternalRoot(value: unknown, homeDir: string): string | undefined {
  if (typeof value !== 'object' || value === null || !('home' in value) || !('path' in value))
    return undefined;
  if (value.home !== homeDir || typeof value.path !== 'string') return undefined;
  return NAME.test(basename(value.path)) ? value.path : undefined;
}

function isOurs(path: string): boolean {
  try {
    const found = lstatSync(path);
    return found.isDirectory() && found.uid === process.getuid?.();
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

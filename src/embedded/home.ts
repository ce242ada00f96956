/** A home: the folder one running SPARK owns, with its daemons' data, its state file and its lock. */
import { accessSync, chmodSync, constants, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { HomeUnusableError } from './errors.js';
import { acquireHomeLock, isLockFile } from './homeLock.js';
import { externalRootOf, removeExternalRoot } from './postgresRoot.js';
import { type HomeState, openStateFile } from './stateFile.js';
import { stopAllSurvivors } from './survivors.js';

const STATE_FILE = 'state.json';
/** Left behind by desktops; no sign of somebody's own work. */
const HARMLESS_NAMES = new Set(['.DS_Store', '.gitignore', '.gitkeep', 'lost+found']);

export interface Home {
  /** Absolute, without symbolic links. */
  readonly dir: string;
  /** Where the pid files of supervised children lie. */
  readonly runDir: string;
  readonly state: HomeState;
  /** The home's folder of that name, made with mode 0700 when missing. */
  stateDir(name: string): string;
  /** Gives the home free again. Stop everything that runs in it first. Idempotent. */
  release(): void;
}

/**
 * Opens and locks a home. Daemons that survived an earlier run's kill -9 are stopped before it returns.
 * `fresh` forgets everything the home holds.
 * @throws HomeInUseError when another live process holds it, HomeUnusableError when the folder is not a home of ours.
 */
export async function openHome(options: { readonly dir: string; readonly fresh: boolean }): Promise<Home> {
  const dir = prepareFolder(options.dir);
  const releaseLock = acquireHomeLock(dir);
  try {
    await stopAllSurvivors(join(dir, 'run'));
    if (options.fresh) wipe(dir);
    const state = openStateFile(join(dir, STATE_FILE));
    state.set('format', 1);
    const runDir = makeFolder(dir, 'run');
    return { dir, runDir, state, stateDir: (name) => makeFolder(dir, name), release: releaseLock };
  } catch (error) {
    releaseLock();
    throw error;
  }
}

function prepareFolder(wanted: string): string {
  try {
    mkdirSync(wanted, { recursive: true, mode: 0o700 });
    const dir = realpathSync(wanted);
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    refuseForeignFolder(dir);
    // As root Postgres runs as another user, who must be able to pass through (never to list) the home.
    chmodSync(dir, process.getuid?.() === 0 ? 0o711 : 0o700);
    return dir;
  } catch (error) {
    if (error instanceof HomeUnusableError) throw error;
    throw new HomeUnusableError(`The home ${wanted} cannot be used by this user.`, { cause: error });
  }
}

/** A mistyped SPARK_HOME must never make --fresh wipe somebody's folder. */
function refuseForeignFolder(dir: string): void {
  const names = readdirSync(dir).filter((name) => !HARMLESS_NAMES.has(name) && !name.startsWith('.lock-'));
  if (names.length === 0 || names.includes(STATE_FILE) || names.some(isLockFile)) return;
  throw new HomeUnusableError(`${dir} holds files but is not a SPARK home. Choose an empty or a new folder.`);
}

function wipe(dir: string): void {
  const external = externalRootOf(dir, join(dir, STATE_FILE));
  if (external !== undefined) removeExternalRoot(external);
  for (const name of readdirSync(dir)) {
    if (!isLockFile(name)) rmSync(join(dir, name), { recursive: true, force: true, maxRetries: 10 });
  }
}

function makeFolder(dir: string, name: string): string {
  const path = join(dir, name);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

/** Data folders: made by initdb, copied for a standby. A folder appears under its name only when complete. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { chmod, copyFile, lchown, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { writeFileAtomically } from './atomicFile.js';
import { PostgresUnusableError } from './errors.js';
import type { PostgresPrograms } from './postgresBinary.js';
import { INCLUDED_FILE, OWNER_ROLE, renderHostAccess } from './postgresConfig.js';
import { commandLineOf, identifyProcess } from './processIdentity.js';
import type { UserIds } from './runAs.js';
import { stopProcess } from './survivors.js';

const DRAFT = /\.(draft|old)-[0-9a-f]{8}(\.pw)?$/;
const COPIES_AT_ONCE = 16;
/** What a running server rebuilds, or what belongs to its process (the list of pg_basebackup). */
const NOT_COPIED = new Set(['postmaster.pid', 'postmaster.opts', 'pg_internal.init', 'backup_label.old']);
const EMPTIED_WHILE_RUNNING = new Set([
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]);

export const POSTGRES_ENV = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' };

export function isDataFolder(dir: string): boolean {
  return existsSync(join(dir, 'PG_VERSION'));
}

/** Makes a new cluster at `dir`, whose superuser has that password. */
export async function initDataFolder(
  programs: PostgresPrograms,
  dir: string,
  password: string,
  user: UserIds | undefined,
): Promise<void> {
  const draft = makeDraft(dir, user);
  const passwordFile = `${draft}.pw`;
  writeFileAtomically(passwordFile, password, 0o600, user);
  const flags = [
    ...['-D', draft, '-U', OWNER_ROLE, `--pwfile=${passwordFile}`, '-A', 'scram-sha-256', '-E', 'UTF8', '-N'],
    ...['--locale-provider=builtin', '--locale=C.UTF-8', '--builtin-locale=C.UTF-8', '--lc-messages=C'],
  ];
  try {
    await promisify(execFile)(programs.initdb, flags, { cwd: '/', env: POSTGRES_ENV, ...user });
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw new PostgresUnusableError('initdb could not make the data folder.', { cause: error });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  appendFileSync(join(draft, 'postgresql.conf'), `\ninclude '${INCLUDED_FILE}'\n`);
  writeFileAtomically(join(draft, 'pg_hba.conf'), renderHostAccess(), 0o600, user);
  renameSync(draft, dir);
}

/**
 * Copies a data folder to a draft beside `to` and returns the draft's path. `running` leaves out what a base backup
 * leaves out; pg_control comes last. Files may vanish while we read: the WAL brings them back.
 */
export async function copyDataFolder(
  from: string,
  to: string,
  options: { readonly running: boolean; readonly user: UserIds | undefined },
): Promise<string> {
  const draft = makeDraft(to, undefined);
  await copyTree(from, draft, '', options.running, options.user);
  const control = join('global', 'pg_control');
  await copyOne(join(from, control), join(draft, control), options.user);
  if (options.running) {
    for (const name of ['pg_wal/archive_status', 'pg_wal/summaries'])
      await makeFolder(join(draft, name), options.user);
  }
  // Last: until then nobody but us can reach into the draft.
  if (options.user !== undefined) chownSync(draft, options.user.uid, options.user.gid);
  return draft;
}

/** Puts a complete draft in the place of `dir`, removing what was there. No server may run on either. */
export function replaceDataFolder(draft: string, dir: string): void {
  const old = `${dir}.old-${randomBytes(4).toString('hex')}`;
  if (existsSync(dir)) renameSync(dir, old);
  renameSync(draft, dir);
  rmSync(old, { recursive: true, force: true });
}

/** Removes the drafts of interrupted copies beside `dir`. */
export function removeDrafts(root: string): void {
  for (const name of readdirSync(root)) {
    // Retries: the initdb of a killed parent may still be writing its last files.
    if (DRAFT.test(name)) rmSync(join(root, name), { recursive: true, force: true, maxRetries: 10 });
  }
}

/**
 * Makes sure no foreign process stands behind `postmaster.pid`: a server of ours on this folder is stopped, a file
 * whose pid now belongs to a stranger is removed (Postgres would refuse to start). A dead pid stays: Postgres then
 * also checks that no old backend still uses the folder's shared memory.
 */
export async function clearPostmasterPid(dir: string): Promise<void> {
  const file = join(dir, 'postmaster.pid');
  const pid = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : Number.NaN;
  const holder = pid > 0 ? identifyProcess(pid) : undefined;
  if (holder === undefined) return;
  if (commandLineOf(pid).includes(dir)) await stopProcess(holder, ['SIGINT', 'SIGQUIT']);
  else rmSync(file, { force: true });
}

function makeDraft(dir: string, user: UserIds | undefined): string {
  const draft = `${dir}.draft-${randomBytes(4).toString('hex')}`;
  mkdirSync(draft, { mode: 0o700 });
  if (user !== undefined) chownSync(draft, user.uid, user.gid);
  return draft;
}

async function copyTree(
  from: string,
  to: string,
  at: string,
  running: boolean,
  user: UserIds | undefined,
): Promise<void> {
  if (running && EMPTIED_WHILE_RUNNING.has(at)) return;
  const entries = await readdir(join(from, at), { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && isCopied(join(at, entry.name)));
  for (let first = 0; first < files.length; first += COPIES_AT_ONCE) {
    const some = files.slice(first, first + COPIES_AT_ONCE);
    await Promise.all(some.map(({ name }) => copyOne(join(from, at, name), join(to, at, name), user)));
  }
  for (const folder of entries.filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('pgsql_tmp'),
  )) {
    const path = join(at, folder.name);
    await makeFolder(join(to, path), user);
    await copyTree(from, to, path, running, user);
  }
}

function isCopied(path: string): boolean {
  const name = path.slice(dirname(path) === '.' ? 0 : dirname(path).length + 1);
  return path !== join('global', 'pg_control') && !NOT_COPIED.has(name) && !name.startsWith('pgsql_tmp');
}

async function copyOne(from: string, to: string, user: UserIds | undefined): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  await chmod(to, 0o600);
  if (user !== undefined) await lchown(to, user.uid, user.gid);
}

async function makeFolder(path: string, user: UserIds | undefined): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (user !== undefined) await lchown(path, user.uid, user.gid);
}

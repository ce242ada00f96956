/**
 * Fetches packages of the machine's own suite, with whatever they need that the machine has not, and unpacks them side by side: without
 * root, and without touching the machine. apt checks signatures and hashes as always, with the keys the machine trusts.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const STEP_TIMEOUT_MS = 300_000;

export interface AptClosureOptions {
  /** The environment apt runs with (PATH, proxies). */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** Returns the folder below `workDir` with the packages' files. Throws when there is no apt or the download fails. */
export async function unpackWithDependencies(
  packages: readonly string[],
  workDir: string,
  { env, onProgress }: AptClosureOptions,
): Promise<string> {
  const apt = privateApt(workDir);
  const child = { cwd: workDir, env: { ...env, LC_ALL: 'C' }, timeout: STEP_TIMEOUT_MS, maxBuffer: 16 << 20 };
  onProgress?.(`asking the package archive for ${packages.join(', ')}`);
  // One broken source among several fails `update`; what counts is whether the packages can be had afterwards.
  const updated = await run('apt-get', [...apt, 'update'], child).catch(toError);
  onProgress?.('downloading them (about 30 MB, once)');
  const install = ['install', '-y', '--download-only', '--no-install-recommends', ...packages];
  const downloaded = await run('apt-get', [...apt, ...install], child).catch(toError);
  if (downloaded instanceof Error) throw updated instanceof Error ? updated : downloaded;
  const archives = join(workDir, 'cache/archives');
  const files = readdirSync(archives).filter((name) => name.endsWith('.deb'));
  if (files.length === 0) throw new Error(`apt downloaded nothing for ${packages.join(', ')}`);
  const unpacked = join(workDir, 'unpacked');
  for (const file of files) await run('dpkg-deb', ['-x', join(archives, file), unpacked], child);
  return unpacked;
}

/** The machine's sources and what it has installed; every folder apt writes to is ours. */
function privateApt(workDir: string): string[] {
  for (const folder of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(join(workDir, folder), { recursive: true, mode: 0o700 });
  const settings = {
    'Dir::State': join(workDir, 'state'),
    'Dir::State::lists': join(workDir, 'state/lists'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': join(workDir, 'cache'),
    'Dir::Cache::archives': join(workDir, 'cache/archives'),
    'Acquire::Languages': 'none',
    'APT::Get::AllowUnauthenticated': 'false',
    // As root apt would become `_apt`, who may not enter our folder; and nothing is installed, so nothing needs a lock.
    'APT::Sandbox::User': '',
    'Debug::NoLocking': 'true',
  };
  return ['-q', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
}

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

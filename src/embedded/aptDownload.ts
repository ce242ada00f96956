/**
 * Fetches one package of the distribution's newest suite with apt itself, without root and without touching the
 * machine's apt state: every folder apt writes to is a private one. apt checks the archive's signature and the
 * package's hash as always, with the keys the machine trusts.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type AptSource,
  newestSuiteSources,
  parseDeb822,
  parseOneLine,
  parseOsRelease,
} from './aptSources.js';

const run = promisify(execFile);
const STEP_TIMEOUT_MS = 120_000;

export interface AptOptions {
  /** The environment apt runs with (PATH, proxies). */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  /** Folder of the machine's apt configuration. */
  readonly aptDir?: string;
  readonly osRelease?: string;
  readonly onProgress?: ((message: string) => void) | undefined;
}

/**
 * Downloads `packageName` and unpacks it below `workDir` (made when missing; the caller removes it).
 * Returns the folder with the package's files.
 * @throws Error when the machine has no apt, no usable source, or the download fails.
 */
export async function unpackNewestPackage(
  packageName: string,
  workDir: string,
  options: AptOptions,
): Promise<string> {
  const { aptDir = '/etc/apt', osRelease = '/etc/os-release', env, signal, onProgress } = options;
  const sources = newestSuiteSources(readSources(aptDir), parseOsRelease(readText(osRelease)));
  if (sources === '') throw new Error('this machine has no apt source of its distribution');
  const aptArguments = preparePrivateApt(workDir, sources);
  const child = {
    cwd: workDir,
    env: { ...env, LC_ALL: 'C' },
    signal,
    timeout: STEP_TIMEOUT_MS,
    maxBuffer: 16 << 20,
  };
  onProgress?.(`asking the package archive for ${packageName}`);
  // One broken mirror among several fails `update`; what counts is whether the package can be had afterwards.
  const updated = await run('apt-get', [...aptArguments, 'update'], child).catch(toError);
  onProgress?.(`downloading ${packageName}`);
  const downloaded = await run('apt-get', [...aptArguments, 'download', packageName], child).catch(toError);
  if (downloaded instanceof Error) throw updated instanceof Error ? updated : downloaded;
  const archive = readdirSync(workDir).find((name) => name.endsWith('.deb'));
  if (archive === undefined) throw new Error(`apt downloaded no ${packageName}`);
  const unpacked = join(workDir, 'unpacked');
  await run('dpkg-deb', ['-x', archive, unpacked], child);
  return unpacked;
}

function preparePrivateApt(workDir: string, sources: string): string[] {
  for (const folder of ['state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(workDir, folder), { recursive: true, mode: 0o700 });
  }
  writeFileSync(join(workDir, 'status'), '');
  writeFileSync(join(workDir, 'archive.sources'), sources);
  const settings = {
    'Dir::State': join(workDir, 'state'),
    'Dir::State::lists': join(workDir, 'state/lists'),
    'Dir::State::status': join(workDir, 'status'),
    'Dir::Cache': join(workDir, 'cache'),
    'Dir::Cache::archives': join(workDir, 'cache/archives'),
    'Dir::Etc::SourceList': join(workDir, 'archive.sources'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'Acquire::Languages': 'none',
    'Acquire::AllowInsecureRepositories': 'false',
    'APT::Get::AllowUnauthenticated': 'false',
    'APT::Update::Error-Mode': 'any',
    'APT::Sandbox::User': '', // as root apt would become `_apt`, who may not enter our folder
  };
  return ['-q', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
}

function readSources(aptDir: string): AptSource[] {
  const parts = join(aptDir, 'sources.list.d');
  const files = [join(aptDir, 'sources.list'), ...namesIn(parts).map((name) => join(parts, name))];
  return files.flatMap((file) => {
    if (file.endsWith('.sources')) return parseDeb822(readText(file));
    return file.endsWith('.list') ? parseOneLine(readText(file)) : [];
  });
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unpackWithDependencies } from '../aptClosure.js';

const run = promisify(execFile);
/** The recogniser, its English model, and the decoder of sound files. */
const PACKAGES = ['pocketsphinx', 'pocketsphinx-en-us', 'sndfile-programs'];
const OLD_FETCH_MS = 15 * 60_000;
const CHECK_TIMEOUT_MS = 10_000;

/** pocketsphinx with its model, unpacked in a folder and run from there. */
export interface SpeechPrograms {
  readonly recognizer: string;
  readonly decoder: string;
  /** Folder of the English model. */
  readonly model: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface FetchOptions {
  /** Shared between homes. */
  readonly cacheDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (message: string) => void;
}

/** Those of the cache, if they run here. */
export async function cachedPrograms({ cacheDir }: FetchOptions): Promise<SpeechPrograms | undefined> {
  const folder = folderIn(cacheDir);
  return existsSync(folder) ? runnable(folder) : undefined;
}

/** Fetched from the distribution's archive into the cache. Throws when that is out of reach or what came does not run here. */
export async function fetchPrograms({ cacheDir, env, say }: FetchOptions): Promise<SpeechPrograms> {
  removeOldFetches(cacheDir);
  const workDir = join(cacheDir, `fetch-speech-${process.pid}-${randomBytes(4).toString('hex')}`);
  mkdirSync(workDir, { recursive: true, mode: 0o755 });
  try {
    const unpacked = await unpackWithDependencies(PACKAGES, workDir, {
      env,
      onProgress: (message) => say(`speech recognition: ${message}`),
    });
    if (!(await runnable(unpacked))) throw new Error('pocketsphinx was fetched and does not run here');
    const folder = folderIn(cacheDir);
    rmSync(folder, { recursive: true, force: true });
    renameSync(unpacked, folder);
    const programs = await runnable(folder);
    if (!programs) throw new Error(`pocketsphinx does not run from ${folder}`);
    say('speech recognition: ready');
    return programs;
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

const folderIn = (cacheDir: string): string => join(cacheDir, `pocketsphinx-${process.arch}`);

async function runnable(folder: string): Promise<SpeechPrograms | undefined> {
  const model = join(folder, 'usr/share/pocketsphinx/model/en-us');
  const programs: SpeechPrograms = {
    recognizer: join(folder, 'usr/bin/pocketsphinx_batch'),
    decoder: join(folder, 'usr/bin/sndfile-convert'),
    model,
    env: { PATH: '/usr/bin:/bin', LD_LIBRARY_PATH: libraryFolders(join(folder, 'usr/lib')).join(':') },
  };
  if (!existsSync(join(model, 'en-us.lm.bin')) || !existsSync(programs.decoder)) return undefined;
  // Both complain about their arguments in words of their own; a missing library would be told before that.
  const checks = [
    run(programs.recognizer, ['-h'], options(programs)),
    run(programs.decoder, [], options(programs)),
  ];
  const answers = await Promise.all(checks.map((check) => check.then(outputOf, outputOf)));
  return answers.every((text) => /cmd_ln|-hmm\b|usage/i.test(text)) ? programs : undefined;
}

const options = ({ env }: SpeechPrograms) => ({ env, timeout: CHECK_TIMEOUT_MS });
const outputOf = (end: { stdout?: unknown; stderr?: unknown }): string =>
  `${String(end.stdout)}${String(end.stderr)}`;

/** Every folder that holds shared libraries: some packages keep theirs in one of their own. */
function libraryFolders(folder: string): string[] {
  const entries = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
  const here = entries.some((entry) => entry.name.includes('.so')) ? [folder] : [];
  const below = entries.filter((entry) => entry.isDirectory());
  return [...here, ...below.flatMap((entry) => libraryFolders(join(folder, entry.name)))];
}

/** What a fetch that was killed has left behind. */
function removeOldFetches(cacheDir: string): void {
  mkdirSync(cacheDir, { recursive: true });
  for (const name of readdirSync(cacheDir)) {
    if (!name.startsWith('fetch-speech-')) continue;
    const path = join(cacheDir, name);
    if (Date.now() - statSync(path).mtimeMs > OLD_FETCH_MS) rmSync(path, { recursive: true, force: true });
  }
}

/** Finds a nats-server that is new enough, or fetches one without root. */
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { unpackNewestPackage } from './aptDownload.js';
import { NatsBinaryMissingError, NatsTooOldError } from './errors.js';
import { askNatsVersion, isSupportedNats, MINIMUM_NATS_VERSION } from './natsVersion.js';

const OLD_FETCH_MS = 10 * 60_000;

export interface NatsBinary {
  readonly path: string;
  /** E.g. `2.15.1`. */
  readonly version: string;
  readonly source: 'explicit' | 'path' | 'cache' | 'apt';
}

export interface FindNatsOptions {
  /** A path the operator gave; nothing else is tried then. */
  readonly explicitPath?: string | undefined;
  /** Shared between homes; made when missing. */
  readonly cacheDir: string;
  /** Whose PATH is searched and what apt runs with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onProgress?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * The first usable of: the explicit path, PATH, the cache, the distribution's newest package (by apt).
 * @throws NatsTooOldError, NatsBinaryMissingError (both say what to do)
 */
export async function findNatsBinary(options: FindNatsOptions): Promise<NatsBinary> {
  const { explicitPath, cacheDir, env } = options;
  if (explicitPath !== undefined) return checkExplicit(explicitPath);
  const rejected: string[] = [];
  const candidates = [
    ...pathCandidates(env['PATH']),
    { path: cachedPath(cacheDir), source: 'cache' as const },
  ];
  for (const { path, source } of candidates) {
    if (!isRunnable(path)) continue;
    const version = await askNatsVersion(path);
    if (version !== undefined && isSupportedNats(version)) return { path, version, source };
    rejected.push(`${path} is ${version ?? 'not runnable here'}`);
  }
  return fetchWithApt(options, rejected);
}

async function checkExplicit(path: string): Promise<NatsBinary> {
  const version = isRunnable(path) ? await askNatsVersion(path) : undefined;
  if (version === undefined)
    throw new NatsBinaryMissingError(`SPARK_NATS_SERVER: ${path} is no nats-server that runs here.`);
  if (!isSupportedNats(version))
    throw new NatsTooOldError(`${path} is nats-server ${version}. ${whyNewer()}`);
  return { path, version, source: 'explicit' };
}

async function fetchWithApt(options: FindNatsOptions, rejected: readonly string[]): Promise<NatsBinary> {
  const { cacheDir, env, signal, onProgress } = options;
  const workDir = join(cacheDir, `fetch-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    mkdirSync(workDir, { recursive: true, mode: 0o755 });
    removeOldFetches(cacheDir, statSync(workDir).mtimeMs);
    const unpacked = await unpackNewestPackage('nats-server', workDir, { env, signal, onProgress });
    const draft = join(workDir, 'nats-server');
    copyFileSync(join(unpacked, 'usr/sbin/nats-server'), draft);
    chmodSync(draft, 0o755);
    const version = await askNatsVersion(draft);
    if (version === undefined) throw new Error('the downloaded nats-server does not run here');
    if (!isSupportedNats(version))
      throw new NatsTooOldError(`The archive has nats-server ${version}. ${whyNewer()}`);
    // One rename: two starts at once both end with a complete binary.
    renameSync(draft, cachedPath(cacheDir));
    onProgress?.(`nats-server ${version} is ready`);
    return { path: cachedPath(cacheDir), version, source: 'apt' };
  } catch (error) {
    if (error instanceof NatsTooOldError || signal?.aborted) throw error;
    throw new NatsBinaryMissingError(missingMessage(rejected, error), { cause: error });
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

/** What a fetch that was killed left behind. */
function removeOldFetches(cacheDir: string, nowMs: number): void {
  for (const name of readdirSync(cacheDir).filter((entry) => entry.startsWith('fetch-'))) {
    const path = join(cacheDir, name);
    const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
    if (nowMs - changed > OLD_FETCH_MS) rmSync(path, { recursive: true, force: true });
  }
}

function pathCandidates(searchPath = ''): { path: string; source: 'path' }[] {
  const folders = new Set(searchPath.split(':').filter((folder) => folder.startsWith('/')));
  return [...folders].map((folder) => ({ path: join(folder, 'nats-server'), source: 'path' }));
}

function cachedPath(cacheDir: string): string {
  return join(cacheDir, 'nats-server');
}

/** A file of another ordinary user is not run: the fallback cache lies in a folder anybody may write to. */
function isRunnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    const { uid } = statSync(path);
    return uid === 0 || uid === process.getuid?.();
  } catch {
    return false;
  }
}

function whyNewer(): string {
  return `SPARK needs ${MINIMUM_NATS_VERSION} or newer (ordered failover of consumers, fixed data-loss bugs); 2.15 for strict fsync.`;
}

function missingMessage(rejected: readonly string[], cause: unknown): string {
  const reason = cause instanceof Error ? (cause.message.trim().split('\n').at(-1) ?? '') : String(cause);
  return [
    `No nats-server ${MINIMUM_NATS_VERSION} or newer was found, and fetching one with apt failed: ${reason}`,
    ...rejected.map((line) => `  (${line}: too old)`),
    'Either put one on PATH or in SPARK_NATS_SERVER, or run one and point NATS_URL at it:',
    '  docker run --rm -p 127.0.0.1:4222:4222 nats:2.15 -js',
    '  NATS_URL=nats://127.0.0.1:4222 npm start',
  ].join('\n');
}

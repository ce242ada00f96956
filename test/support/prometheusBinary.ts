import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unpackWithDependencies } from '../../src/embedded/aptClosure.js';

const run = promisify(execFile);
const CHECK_TIMEOUT_MS = 20_000;

/** The distribution's Prometheus, unpacked in a folder and run from there. */
export interface PrometheusPrograms {
  readonly server: string;
  readonly promtool: string;
}

let finding: Promise<PrometheusPrograms> | undefined;

/**
 * Those of the machine, or of the cache that a run shares with nats-server, fetched once from the distribution's archive (about 25 MB). Throws when the
 * archive is out of reach, or what came does not run here.
 */
export function findPrometheus(): Promise<PrometheusPrograms> {
  finding ??= find();
  return finding;
}

async function find(): Promise<PrometheusPrograms> {
  const cacheDir = process.env['SPARK_CACHE'] ?? join(homedir(), '.cache', 'spark');
  const folder = join(cacheDir, `prometheus-${process.arch}`);
  // Where the package is installed, apt would have nothing to download.
  return (await runnable('/usr/bin')) ?? (await runnable(folder)) ?? (await fetchInto(cacheDir, folder));
}

async function fetchInto(cacheDir: string, folder: string): Promise<PrometheusPrograms> {
  const workDir = join(cacheDir, `fetch-prometheus-${process.pid}-${randomBytes(4).toString('hex')}`);
  mkdirSync(workDir, { recursive: true, mode: 0o755 });
  try {
    const unpacked = await unpackWithDependencies(['prometheus'], workDir, {
      env: process.env,
      onProgress: (message) => console.log(`prometheus: ${message}`),
    });
    // The two programs need nothing else of it: its 200 MB of consoles stay behind.
    const programs = join(unpacked, 'usr/bin');
    if (!(await runnable(programs))) throw new Error('Prometheus was fetched and does not run here');
    rmSync(folder, { recursive: true, force: true });
    renameSync(programs, folder);
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
  const programs = await runnable(folder);
  if (!programs) throw new Error(`Prometheus does not run from ${folder}`);
  return programs;
}

async function runnable(folder: string): Promise<PrometheusPrograms | undefined> {
  const programs = { server: join(folder, 'prometheus'), promtool: join(folder, 'promtool') };
  if (!existsSync(programs.server) || !existsSync(programs.promtool)) return undefined;
  const versions = Object.values(programs).map((program) =>
    run(program, ['--version'], { timeout: CHECK_TIMEOUT_MS }).then(
      ({ stdout, stderr }) => /version \d/.test(stdout + stderr),
      () => false,
    ),
  );
  return (await Promise.all(versions)).every(Boolean) ? programs : undefined;
}

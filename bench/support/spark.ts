import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Endpoints {
  readonly http: string;
  readonly token: string;
  readonly nats: string;
  readonly natsUser: string;
  readonly natsPassword: string;
  readonly natsInboxPrefix: string;
  readonly replica: string;
  readonly unitySimulator: string;
  readonly pids: Readonly<Record<'main' | 'nats' | 'postgres' | 'replica' | 'simulator', number>>;
}

/** A SPARK with a home of its own, as a user starts it; `stop` ends it and removes the home. */
export interface BenchSpark {
  readonly endpoints: Endpoints;
  stop(): Promise<void>;
}

/** Compiled into dist/bench/bench/support. */
const BIN = fileURLToPath(new URL('../../../../bin/spark.js', import.meta.url));
const READY_LIMIT_MS = 120_000;

export async function startBenchSpark(env: Record<string, string>): Promise<BenchSpark> {
  const dir = mkdtempSync(join(tmpdir(), 'spark-bench-'));
  chmodSync(dir, 0o755);
  const home = join(dir, 'home');
  const child = spawn(process.execPath, [BIN, 'start', '--no-demo'], {
    env: { ...process.env, SPARK_HOME: home, SPARK_LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const endpoints = await ready(child, home);
  return {
    endpoints,
    stop: async () => {
      child.kill('SIGINT');
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function ready(child: ChildProcess, home: string): Promise<Endpoints> {
  const deadline = performance.now() + READY_LIMIT_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`spark ended with ${child.exitCode} before it was ready`);
    try {
      return JSON.parse(readFileSync(join(home, 'endpoints.json'), 'utf8')) as Endpoints;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(50);
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** p50, p95 and p99 in ms, one decimal. */
export function summary(values: readonly number[]): { p50: number; p95: number; p99: number; n: number } {
  const sorted = [...values].sort((left, right) => left - right);
  const round = (value: number) => Math.round(value * 10) / 10;
  return {
    p50: round(percentile(sorted, 0.5)),
    p95: round(percentile(sorted, 0.95)),
    p99: round(percentile(sorted, 0.99)),
    n: values.length,
  };
}

/** What the tests of the embedded default share: temporary homes, a nats-server, waiting for a condition. */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { type Home, openHome } from '../../src/embedded/home.js';
import { findNatsBinary, type NatsBinary } from '../../src/embedded/natsBinary.js';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs after the test, last registered first, whether it passed or not. */
export function cleanUp(work: () => Promise<void> | void): void {
  cleanups.push(work);
}

/** A new folder that every user can pass through, removed after the test. */
export function temporaryFolder(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'spark-test-')));
  chmodSync(dir, 0o755);
  cleanUp(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A new home, released and removed after the test. */
export async function temporaryHome(dir = join(temporaryFolder(), 'home')): Promise<Home> {
  const home = await openHome({ dir, fresh: false });
  cleanUp(() => home.release());
  return home;
}

/** A real nats-server; the first run on a machine fetches it. */
export async function natsForTests(): Promise<NatsBinary> {
  return findNatsBinary({ cacheDir: sharedCache(), env: process.env });
}

/** Resolves with the first value that is not undefined or false; asks every 20 ms. */
export async function eventually<T>(
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await ask();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${ask.toString()}`);
    await sleep(20);
  }
}

/** True while the process exists (a zombie counts as gone). */
export function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}/cwd`) || canSignal(pid);
}

function canSignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !existsSync('/proc/self');
  } catch {
    return false;
  }
}

function sharedCache(): string {
  const usual = join(homedir(), '.cache', 'spark');
  try {
    mkdirSync(usual, { recursive: true });
    accessSync(usual, constants.W_OK);
    return usual;
  } catch {
    return join(tmpdir(), `spark-cache-${process.getuid?.() ?? 0}`);
  }
}

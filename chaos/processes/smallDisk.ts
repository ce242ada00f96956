import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SmallDisk } from '../ports.js';
import type { NatsObserver } from './natsObserver.js';
import { until } from './recovery.js';

const run = promisify(execFile);
const DISK_BYTES = 512 * 1_024 * 1_024;
const BALLAST = 'ballast';
const PAGE_BYTES = 4_096;

/** A file system of its own for nats-server's store. */
export interface Mount {
  /** `loop`: an image file on the machine's own disk, so an fsync is one. `tmpfs`: memory. */
  readonly way: 'loop' | 'tmpfs';
  readonly dir: string;
  unmount(): Promise<void>;
}

/** Mounts a small disk at `dir`, where the machine lets us (root); undefined where it does not. The image lies beside it. */
export async function mountSmallDisk(dir: string): Promise<Mount | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const way = (await tried(() => mountImage(dir)))
    ? 'loop'
    : (await tried(() => mountMemory(dir)))
      ? 'tmpfs'
      : undefined;
  if (way === undefined) return undefined;
  const watcher = watchOver(dir);
  let gone: Promise<void> | undefined;
  return {
    way,
    dir,
    unmount: () => {
      gone ??= (async () => {
        await run('umount', [dir]).catch(() => run('umount', ['-l', dir]));
        watcher.kill('SIGKILL');
      })();
      return gone;
    },
  };
}

async function mountImage(dir: string): Promise<void> {
  const image = `${dir}.img`;
  closeSync(openSync(image, 'w', 0o600));
  truncateSync(image, DISK_BYTES);
  await run('mkfs.ext4', ['-q', '-m', '0', '-E', 'lazy_itable_init=1,lazy_journal_init=1', image]);
  await run('mount', ['-o', 'loop', image, dir]);
}

const mountMemory = async (dir: string): Promise<void> =>
  void (await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', dir]));

async function tried(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch {
    return false;
  }
}

/** A mount outlives us, whatever we die of: a shell that reads a pipe of ours takes it down then. */
function watchOver(dir: string): ChildProcess {
  const shell = spawn(
    '/bin/sh',
    ['-c', 'trap "" HUP INT TERM; read -r line; sleep 3; exec umount -l "$1"', 'spark-unmount', dir],
    { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' },
  );
  shell.unref();
  return shell;
}

/** Filled to the last byte by a file beside the store; given back by removing it. */
export function mountedDisk({ way, dir }: Mount, observer: () => NatsObserver): SmallDisk {
  const ballast = join(dir, BALLAST);
  return {
    way,
    fill: async (signal) => {
      // At once, without writing: what is left is written page by page.
      await run('fallocate', ['-l', String(freeBytes(dir)), ballast]).catch(() => undefined);
      // What the server has allocated ahead it may still fill: full is when it refuses.
      await untilRefused(observer, signal, () => fillUp(ballast));
    },
    free: async () => rmSync(ballast, { force: true }),
  };
}

function fillUp(file: string): void {
  const fd = openSync(file, 'a', 0o600);
  try {
    for (const size of [PAGE_BYTES, 1])
      try {
        for (;;) writeSync(fd, Buffer.alloc(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    fsyncSync(fd);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(fd);
  }
}

function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}

async function untilRefused(
  observer: () => NatsObserver,
  signal: AbortSignal,
  again: () => void,
): Promise<void> {
  await until(async () => {
    again();
    try {
      await observer().store();
      return false;
    } catch {
      return true;
    }
  }, signal);
}

/** Without a disk of its own: the command stream may grow no further, and the server itself refuses what is published. */
export function limitedStream(observer: () => NatsObserver): SmallDisk {
  const stream = 'SPARK_COMMANDS';
  let before: number | undefined;
  const limit = async (maxBytes: number): Promise<void> => {
    const { manager } = observer();
    const { config } = await manager.streams.info(stream);
    await manager.streams.update(stream, { ...config, max_bytes: maxBytes });
  };
  return {
    way: 'stream_limit',
    fill: async (signal) => {
      await until(async () => {
        const { config, state } = await observer().manager.streams.info(stream);
        before ??= config.max_bytes;
        await limit(Math.max(1, state.bytes));
        return true;
      }, signal);
    },
    free: async () => {
      if (before === undefined) return;
      await limit(before);
      before = undefined;
    },
  };
}

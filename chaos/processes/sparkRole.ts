import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SupervisedChild } from '../../src/embedded/supervisedChild.js';

export type SparkRole = 'ingest' | 'worker' | 'projector' | 'gate';

export interface SparkRoleOptions {
  /** The process's name: `worker-2`. */
  readonly name: string;
  readonly role: SparkRole;
  /** A home of its own, that holds `run/parts.json`. */
  readonly home: string;
  readonly runDir: string;
  readonly logFile: string;
  readonly env: Readonly<Record<string, string>>;
  readonly onExit: NonNullable<ConstructorParameters<typeof SupervisedChild>[0]['onExit']>;
  readonly onRestart: () => void;
}

const READY_POLL_MS = 25;
/** On a machine whose every core is busy Node alone takes seconds. */
const READY_TIMEOUT_MS = 30_000;
/** A drain takes `MCP_DRAIN_MS` and then what hangs is left. */
const STOP_STEP_MS = 8_000;

/** `spark <role>` as an operator starts it, from the build. It is ready when it says that it runs. */
export function createSparkRole(options: SparkRoleOptions): SupervisedChild {
  const { name, role, logFile } = options;
  let from = 0;
  return new SupervisedChild({
    name,
    command: [process.execPath, join(repositoryRoot(), 'bin', 'spark.js'), role],
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', SPARK_HOME: options.home, ...options.env },
    cwd: options.home,
    stopSignals: ['SIGTERM'],
    stopStepMs: STOP_STEP_MS,
    runDir: options.runDir,
    logFile,
    // Cut while it is read, it would never say that it runs.
    logLimitBytes: Number.MAX_SAFE_INTEGER,
    readyTimeoutMs: READY_TIMEOUT_MS,
    beforeStart: async () => {
      from = existsSync(logFile) ? statSync(logFile).size : 0;
    },
    ready: async (signal) => {
      while (!new RegExp(`^spark ${role} .* runs`, 'm').test(readFrom(logFile, from)))
        await sleep(READY_POLL_MS, undefined, { signal });
    },
    onExit: options.onExit,
    onRestart: options.onRestart,
  });
}

/** The checkout: the nearest folder above that holds `bin/spark.js` beside a package.json, whether this runs from `dist` or from its source. */
export function repositoryRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'package.json'))) {
    const above = dirname(dir);
    if (above === dir) throw new Error('there is no package.json above the harness');
    dir = above;
  }
  return dir;
}

const READ_BYTES = 64 * 1024;

function readFrom(file: string, from: number): string {
  const buffer = Buffer.alloc(READ_BYTES);
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return '';
  }
  try {
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, READ_BYTES, from));
  } finally {
    closeSync(fd);
  }
}

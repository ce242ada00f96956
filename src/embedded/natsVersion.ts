import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export type FsyncProfile = 'always' | '100ms';

const MINIMUM = { major: 2, minor: 14 };
const STRICT_MINIMUM = { major: 2, minor: 15 };
const ASK_TIMEOUT_MS = 10_000;
/** `consumers.reset()` of ordered failover came with 2.14; older servers have known data-loss bugs. */
export const MINIMUM_NATS_VERSION = `${MINIMUM.major}.${MINIMUM.minor}`;

/** The version of that nats-server as it prints it, e.g. `2.15.1`; undefined when it does not run or is another program. */
export async function askNatsVersion(binary: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(binary, ['--version'], {
      timeout: ASK_TIMEOUT_MS,
      cwd: '/',
      env: {},
    });
    return /nats-server: v(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

export function isSupportedNats(version: string): boolean {
  return isAtLeast(version, MINIMUM);
}

/**
 * The fsync profile a server of this version runs in. Before 2.15 an atomic batch is not one fsync, so `always`
 * would cost one fsync a message: such a server falls back to 100 ms, and the caller says so.
 */
export function fsyncProfile(version: string, wanted: FsyncProfile): FsyncProfile {
  return wanted === 'always' && isAtLeast(version, STRICT_MINIMUM) ? 'always' : '100ms';
}

function isAtLeast(version: string, wanted: { major: number; minor: number }): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > wanted.major || (major === wanted.major && minor >= wanted.minor);
}

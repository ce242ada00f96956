import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLineOf, identifyProcess, isAlive, type ProcessIdentity } from './processIdentity.js';

const POLL_MS = 10;
const GONE_WITHIN_MS = 2_000;

/**
 * Ends what is left of a Postgres whose postmaster is gone: processes that were frozen with it do not notice its end and hold its shared
 * memory, on which the next start fails. They are known by their working folder, the data folder (or what it was renamed to). Linux
 * only: elsewhere there is no such list, and nothing is done.
 */
export async function endStragglers(dataDir: string): Promise<void> {
  const left = stragglersOf(dataDir);
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  const deadlineMs = performance.now() + GONE_WITHIN_MS;
  while (left.some(isAlive) && performance.now() < deadlineMs) await sleep(POLL_MS);
}

function stragglersOf(dataDir: string): ProcessIdentity[] {
  return processIds().flatMap((pid) => {
    const cwd = workingFolderOf(pid);
    if (cwd !== dataDir && !cwd?.startsWith(`${dataDir}.old-`) && cwd !== `${dataDir} (deleted)`) return [];
    // Somebody's shell may stand in that folder too.
    return commandLineOf(pid).join(' ').startsWith('postgres: ') ? (identifyProcess(pid) ?? []) : [];
  });
}

function processIds(): number[] {
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}

function workingFolderOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

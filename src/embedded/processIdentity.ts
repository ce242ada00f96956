import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A process as something that can be recognised later. A pid alone cannot: pids are recycled, so the start time
 * (and the boot it belongs to) goes with it.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque: equal for the same process, different for a recycled pid. */
  readonly startedAt: string;
}

/** The identity of a live process, or undefined when there is none (a zombie counts as none). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startedAt = readFromProc(pid) ?? (procIsMounted() ? undefined : readFromPs(pid));
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** True while exactly this process lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startedAt === identity.startedAt;
}

/** The arguments of a live process; empty when it is gone or hides them. */
export function commandLineOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    if (procIsMounted()) return [];
    return ask('ps', ['-o', 'command=', '-p', String(pid)]).split(' ');
  }
}

/** Narrows parsed JSON to an identity. */
export function parseIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('startedAt' in value))
    return undefined;
  const { pid, startedAt } = value;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return undefined;
  return typeof startedAt === 'string' ? { pid, startedAt } : undefined;
}

function readFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name may hold blanks and parentheses: the fixed fields begin after the last ')'.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticks] = [fields[0], fields[19]];
    if (state === 'Z' || state === 'X' || ticks === undefined) return undefined;
    return `${bootId()}:${ticks}`;
  } catch {
    return undefined;
  }
}

function readFromPs(pid: number): string | undefined {
  const answer = ask('ps', ['-o', 'lstart=', '-p', String(pid)]);
  return answer === '' ? undefined : answer;
}

function ask(command: string, args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().slice(0, 8);
  } catch {
    return 'boot';
  }
}

function procIsMounted(): boolean {
  return process.platform === 'linux';
}

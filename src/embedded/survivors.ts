/**
 * Daemons that outlived their parent. Each supervised child leaves a pid file with its start time, so a later start
 * recognises exactly that process (never a stranger with a recycled pid) and stops it before its folder is opened
 * again: two nats-servers on one store folder silently lose acknowledged messages.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileAtomically } from './atomicFile.js';
import { identifyProcess, isAlive, type ProcessIdentity, parseIdentity } from './processIdentity.js';

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGQUIT' | 'SIGKILL';

const POLL_MS = 10;
const STEP_MS = 1_500;
const STOP_SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGKILL'];

/** Where the pid file of the child `name` lies. */
export function pidFilePath(runDir: string, name: string): string {
  return join(runDir, `${name}.pid.json`);
}

/** Writes down a freshly started child and how it wants to be stopped. */
export function recordChild(runDir: string, name: string, pid: number, signals: readonly StopSignal[]): void {
  const identity = identifyProcess(pid);
  if (identity === undefined) return; // dead already: its exit is reported elsewhere
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  writeFileAtomically(pidFilePath(runDir, name), `${JSON.stringify({ ...identity, signals })}\n`);
}

export function forgetChild(runDir: string, name: string): void {
  rmSync(pidFilePath(runDir, name), { force: true });
}

/** Stops the child recorded under `name` if it still lives. Returns its pid then. */
export async function stopSurvivor(runDir: string, name: string): Promise<number | undefined> {
  const record = readRecord(pidFilePath(runDir, name));
  if (record === undefined || !isAlive(record.identity)) return undefined;
  await stopProcess(record.identity, record.signals);
  forgetChild(runDir, name);
  return record.identity.pid;
}

/** Stops every child recorded in `runDir`, side by side. */
export async function stopAllSurvivors(runDir: string): Promise<void> {
  const names = listNames(runDir);
  await Promise.all(names.map((name) => stopSurvivor(runDir, name)));
}

/**
 * Sends the signals one after the other, `STEP_MS` apart, SIGKILL last, until the process is gone.
 * Works for processes that are not our children.
 */
export async function stopProcess(identity: ProcessIdentity, signals: readonly StopSignal[]): Promise<void> {
  for (const signal of [...signals, 'SIGKILL' as const]) {
    if (!isAlive(identity)) return;
    try {
      process.kill(identity.pid, signal);
    } catch {
      return; // gone between the look and the signal
    }
    const deadline = performance.now() + STEP_MS;
    while (isAlive(identity) && performance.now() < deadline) await sleep(POLL_MS);
  }
}

function listNames(runDir: string): string[] {
  try {
    return readdirSync(runDir).flatMap((name) => {
      const child = /^(.+)\.pid\.json$/.exec(name)?.[1];
      return child === undefined ? [] : [child];
    });
  } catch {
    return [];
  }
}

function readRecord(path: string): { identity: ProcessIdentity; signals: readonly StopSignal[] } | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const identity = parseIdentity(parsed);
    if (identity === undefined || typeof parsed !== 'object' || parsed === null) return undefined;
    const listed: readonly unknown[] =
      'signals' in parsed && Array.isArray(parsed.signals) ? parsed.signals : [];
    return { identity, signals: STOP_SIGNALS.filter((signal) => listed.includes(signal)) };
  } catch {
    return undefined;
  }
}

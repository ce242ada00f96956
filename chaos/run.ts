import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/core/clock.js';
import { deadline } from '../src/core/deadline.js';
import { type History, openHistory } from './history.js';
import { type Struck, strike } from './nemeses/drive.js';
import type { Strike, Workload } from './ports.js';
import { type RunningSystem, startSystem } from './processes/system.js';
import { type Settled, settle } from './quiescence.js';
import { scheduleOf, type Targets } from './schedule.js';

/** Everything accepted must have ended this long after the last fault is healed (I2). */
export const SETTLE_LIMIT_MS = 120_000;
const WORKLOADS_END_WITHIN_MS = 30_000;

export interface RunOptions {
  readonly minutes: number;
  readonly seed: string;
  readonly cluster: boolean;
  /** Nemeses to use, by kind; undefined: all. */
  readonly only?: readonly string[] | undefined;
  readonly workloads: readonly Workload[];
  readonly say: (line: string) => void;
}

/** What a run was, before anybody judges it. The system still runs. */
export interface Ran {
  readonly dir: string;
  readonly history: History;
  readonly system: RunningSystem;
  readonly struck: readonly Struck[];
  readonly settled: Settled;
}

/**
 * Starts the system, loads and hurts it for the time, heals it and waits until it is quiet; then `judge` looks at it while it still runs.
 * Ends whatever it started, also when the signal aborts. The folder stays when `keep` says so of the verdict.
 */
export async function runChaos<T>(
  options: RunOptions,
  signal: AbortSignal,
  judge: (ran: Ran) => Promise<T>,
  keep: (verdict: T | undefined) => boolean,
): Promise<{ readonly verdict: T; readonly dir: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'spark-chaos-'));
  // Postgres runs as another user when we are root, and must pass through.
  chmodSync(dir, 0o711);
  const history = openHistory(join(dir, 'history.jsonl'));
  let verdict: T | undefined;
  let system: RunningSystem | undefined;
  try {
    const { cluster, say } = options;
    system = await startSystem({ dir, history, cluster, onProgress: say }, signal);
    verdict = await judge(await loadAndHurt(options, dir, history, system, signal));
    history.write({ kind: 'phase', phase: 'end' });
    return { verdict, dir };
  } finally {
    await system?.stop();
    history.close();
    if (keep(verdict)) options.say(`history, logs and data: ${dir}`);
    else rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function loadAndHurt(
  options: RunOptions,
  dir: string,
  history: History,
  system: RunningSystem,
  signal: AbortSignal,
): Promise<Ran> {
  const { minutes, seed, workloads, say } = options;
  const schedule = chosen(scheduleOf({ seed, minutes, targets: targetsOf(system) }), options.only);
  history.write({
    kind: 'phase',
    phase: 'run',
    detail: { seed, minutes, cluster: options.cluster, disk: system.disk.way, schedule },
  });
  say(
    `everything runs; ${minutes} minutes, seed ${seed}, ${schedule.length} strikes, disk: ${system.disk.way}`,
  );
  const time = deadline(systemClock, minutes * 60_000, signal);
  const load = Promise.allSettled(workloads.map((workload) => workload.run(system, history, time.signal)));
  const struck = await strike(system, schedule, time.signal, (one) => say(told(one)));
  await untilAborted(time.signal);
  time.clear();
  history.write({ kind: 'phase', phase: 'healing' });
  await ended(load, workloads, history);
  await standUp(system, signal);
  history.write({ kind: 'phase', phase: 'healed' });
  say('healed; waiting until everything accepted has ended');
  const settled = await settle(system, system.observer, SETTLE_LIMIT_MS, signal);
  history.write({ kind: 'phase', phase: 'settled', detail: settled });
  say(
    settled.settled
      ? `settled after ${settled.tookMs} ms (${settled.leftParked} messages left parked)`
      : `NOT settled: ${settled.open.join('; ')}`,
  );
  signal.throwIfAborted();
  return { dir, history, system, struck, settled };
}

const targetsOf = ({ processes, wires, editors }: RunningSystem): Targets => ({
  processes: processes.map(({ name, kind }) => ({ name, kind })),
  wires: wires.map(({ name }) => name),
  editors: editors.map(({ name }) => name),
});

const chosen = (schedule: readonly Strike[], only: readonly string[] | undefined): Strike[] =>
  schedule.filter(({ nemesis }) => only === undefined || only.includes(nemesis));

function told({ strike: { n, nemesis, target, fault, holdMs }, outcome, detail }: Struck): string {
  const what = fault === undefined || fault === nemesis ? nemesis : `${nemesis} ${fault}`;
  return `  ${n}: ${what} of ${target} for ${holdMs} ms: ${outcome}${detail === undefined ? '' : ` (${detail})`}`;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A workload that throws, or does not end, is a fault of the harness: the run says so and goes on. */
async function ended(
  load: Promise<PromiseSettledResult<void>[]>,
  workloads: readonly Workload[],
  history: History,
): Promise<void> {
  const patience = deadline(systemClock, WORKLOADS_END_WITHIN_MS);
  const results = await Promise.race([load, untilAborted(patience.signal)]);
  patience.clear();
  if (results === undefined) {
    history.write({ kind: 'note', text: `a workload did not end within ${WORKLOADS_END_WITHIN_MS} ms` });
    return;
  }
  for (const [index, result] of results.entries())
    if (result.status === 'rejected')
      history.write({
        kind: 'note',
        text: `the workload ${workloads[index]?.name} failed: ${String(result.reason)}`,
      });
}

/** Whatever a nemesis left: wires pass, nobody sleeps, everybody runs. */
async function standUp(system: RunningSystem, signal: AbortSignal): Promise<void> {
  for (const wire of system.wires) wire.heal();
  system.routes?.heal();
  await system.disk.free();
  for (const process of system.processes) process.resume();
  await Promise.all(system.processes.map((process) => process.start(signal)));
}

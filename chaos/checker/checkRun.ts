import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { History } from '../history.js';
import type { System } from '../ports.js';
import { finishWorkloads } from '../workloads/all.js';
import { type Judged, judge } from './check.js';
import { collect } from './collect/collect.js';
import type { Evidence } from './evidence.js';

export interface CheckOptions {
  /** Waits until the system is quiet again. */
  readonly settle: () => Promise<unknown>;
  /** Ends the projector for good, so that the live database can be rebuilt in place (I7); undefined: that is left out. */
  readonly stopProjector?: (() => Promise<void>) | undefined;
}

export interface Checked {
  readonly judged: readonly Judged[];
  readonly evidence: Evidence;
}

/**
 * Judges a run whose system runs, healed and quiet: lets what the end of the run cut off come to its end, collects the evidence, and holds it
 * against every invariant.
 */
export async function checkRun(system: System, history: History, options: CheckOptions): Promise<Checked> {
  await finishWorkloads(system, history);
  await options.settle();
  const evidence = await collect(system, { historyFile: history.file, stopProjector: options.stopProjector });
  keepLog(system.dir, evidence);
  return { judged: judge(evidence), evidence };
}

/** The log as it was judged, a line a message, beside the history: who follows up a violation has no server any more. */
function keepLog(dir: string, { log }: Evidence): void {
  writeFileSync(join(dir, 'log.jsonl'), log.map((message) => `${JSON.stringify(message)}\n`).join(''));
}

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
  /** Aborted: what has not been read by then is not read any more, and judged is what has. */
  readonly signal: AbortSignal;
}

export interface Checked {
  readonly judged: readonly Judged[];
  readonly evidence: Evidence;
  /** What went wrong in the checking itself, in words: such a run has proved nothing, however many invariants hold. */
  readonly troubles: readonly string[];
}

/**
 * Judges a run whose system runs, healed and quiet: lets what the end of the run cut off come to its end, collects the evidence, and holds it
 * against every invariant. Whatever does not answer meanwhile is told, and the rest is judged all the same.
 */
export async function checkRun(system: System, history: History, options: CheckOptions): Promise<Checked> {
  const troubles: string[] = [];
  const attempt = async (what: string, work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch (error) {
      troubles.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const { signal, settle, stopProjector } = options;
  if (!signal.aborted)
    await attempt('the workloads were not finished', () => finishWorkloads(system, history));
  await attempt('the system was not waited for', settle);
  const evidence = await collect(system, { historyFile: history.file, stopProjector, signal });
  await attempt('the log was not kept', () => keepLog(system.dir, evidence));
  if (signal.aborted) troubles.push('broken off while it was being judged');
  return { judged: judge(evidence), evidence, troubles };
}

/** The log as it was judged, a line a message, beside the history: who follows up a violation has no server any more. */
function keepLog(dir: string, { log }: Evidence): void {
  writeFileSync(join(dir, 'log.jsonl'), log.map((message) => `${JSON.stringify(message)}\n`).join(''));
}

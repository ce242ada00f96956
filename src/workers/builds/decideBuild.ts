import { assertNever } from '../../core/errors.js';
import type { BuildIntent } from '../../events/event.js';
import type { BuildStatus, BuildTraces, EditorBuild } from '../buildPort.js';
import type { FinalVerdict } from '../lanes/task.js';

export interface BuildWatchLimits {
  /** From the start of a build to its `build.timeout`. */
  readonly timeoutMs: number;
  /** Longest time between two looks; the editor's own wish counts when it is shorter. */
  readonly maxPollMs: number;
  /** How long a build is looked for that an answering editor does not know any more. */
  readonly graceMs: number;
}

/** When nothing is configured. */
export const BUILD_LIMITS: BuildWatchLimits = { timeoutMs: 3_600_000, maxPollMs: 5_000, graceMs: 60_000 };
export const MIN_POLL_MS = 250;
/** While there is no answer to go by. */
const SEARCH_POLL_MS = 1_000;

/** What a watcher remembers from look to look. */
export interface WatchMemory {
  /** The editor's name for the build; null while it is not known, or known no more. */
  readonly jobId: string | null;
  /** Elapsed ms at the first look that found no trace of it. */
  readonly goneSinceMs: number | null;
  /** Bytes of the output at the last look, when its player was there. */
  readonly outputBytes: number | null;
}

export const NOTHING_SEEN: WatchMemory = { jobId: null, goneSinceMs: null, outputBytes: null };

/** One look at a build: the job table, or what is left when that does not know it. */
export type BuildLook = Exclude<BuildStatus, { kind: 'none' }> | ({ readonly kind: 'traces' } & BuildTraces);

export type BuildDecision =
  | { readonly kind: 'wait'; readonly afterMs: number; readonly memory: WatchMemory }
  | { readonly kind: 'end'; readonly verdict: FinalVerdict };

/**
 * Whether an entry of the job table is this build: every build has an output path of its own. One that names none is this build only if
 * it was asked for by this build's job id (`askedId`), not if it is just the newest that the editor knows.
 */
export function isThisBuild(entry: EditorBuild, build: BuildIntent, askedId: string | null): boolean {
  if (entry.outputPath === null) return askedId !== null && (entry.jobId ?? askedId) === askedId;
  return entry.outputPath.replaceAll('\\', '/').includes(build.outputPath);
}

/**
 * What one look means. Pure. The job table's word is final; where it has forgotten the build (a domain reload wipes it), the console
 * and the output tell; where nothing tells any more, the outcome is unknown. A second start is never the answer.
 */
export function decideBuild(
  build: BuildIntent,
  memory: WatchMemory,
  look: BuildLook,
  elapsedMs: number,
  limits: BuildWatchLimits,
): BuildDecision {
  const decision = decideLook(build, memory, look, elapsedMs, limits);
  if (decision.kind === 'end') return decision;
  if (elapsedMs >= limits.timeoutMs) return { kind: 'end', verdict: timedOut(build, limits.timeoutMs) };
  return { ...decision, afterMs: Math.min(decision.afterMs, limits.timeoutMs - elapsedMs) };
}

function decideLook(
  build: BuildIntent,
  memory: WatchMemory,
  look: BuildLook,
  elapsedMs: number,
  limits: BuildWatchLimits,
): BuildDecision {
  const pollMs = (wishMs: number) => Math.max(MIN_POLL_MS, Math.min(wishMs, limits.maxPollMs));
  switch (look.kind) {
    case 'silent':
      return { kind: 'wait', afterMs: pollMs(SEARCH_POLL_MS), memory };
    case 'build': {
      const { build: entry } = look;
      if (entry.state !== 'running') return { kind: 'end', verdict: endOf(build, entry) };
      const jobId = entry.jobId ?? memory.jobId;
      const afterMs = pollMs(entry.pollMs ?? limits.maxPollMs);
      return { kind: 'wait', afterMs, memory: { ...NOTHING_SEEN, jobId } };
    }
    case 'traces': {
      const { succeeded, outputBytes } = look;
      // An output that is still being written grows from look to look.
      const whole = outputBytes !== null && outputBytes === memory.outputBytes;
      if (succeeded || whole)
        return { kind: 'end', verdict: found(build, outputBytes, succeeded ? 'console' : 'output') };
      const goneSinceMs = memory.goneSinceMs ?? elapsedMs;
      if (outputBytes === null && elapsedMs - goneSinceMs >= limits.graceMs)
        return { kind: 'end', verdict: lost(build, look.lastLine, limits.graceMs) };
      return {
        kind: 'wait',
        afterMs: pollMs(SEARCH_POLL_MS),
        memory: { jobId: null, goneSinceMs, outputBytes },
      };
    }
    default:
      return assertNever(look);
  }
}

function endOf(build: BuildIntent, entry: EditorBuild): FinalVerdict {
  const { platform, totalBytes, durationMs, warnings } = entry;
  switch (entry.state) {
    case 'succeeded':
      return completed(build, { platform, totalBytes, durationMs, warnings }, 'job');
    case 'cancelled':
      return failure(build, 'cancelled', 'cancelled', 'the build was cancelled in the editor');
    default:
      return failure(build, 'failed', 'build_failed', entry.error ?? 'the editor gave no reason');
  }
}

type Measures = Pick<EditorBuild, 'platform' | 'totalBytes' | 'durationMs' | 'warnings'>;

/** `foundBy`: who said that it is done. */
function completed(
  { outputPath, target }: BuildIntent,
  measures: Measures,
  foundBy: 'job' | 'console' | 'output',
): FinalVerdict {
  const record = { outputPath, target, ...measures };
  return { kind: 'completed', result: { ...record, foundBy }, build: record };
}

const found = (build: BuildIntent, totalBytes: number | null, by: 'console' | 'output'): FinalVerdict =>
  completed(build, { platform: null, totalBytes, durationMs: null, warnings: null }, by);

function failure(
  { outputPath, target }: BuildIntent,
  outcome: 'failed' | 'cancelled' | 'outcome_unknown',
  code: string,
  message: string,
): Extract<FinalVerdict, { kind: 'failed' }> {
  const build = { outputPath, target };
  return { kind: 'failed', outcome, error: { code, message, ...build }, build };
}

function lost(build: BuildIntent, lastLine: string | null, graceMs: number): FinalVerdict {
  const said = lastLine === null ? '' : `; the console's last word on a build is "${lastLine}"`;
  const message = `the editor answers and knows nothing of this build, nor is its output at ${build.outputPath} after ${Math.round(graceMs / 1_000)} s${said}. It may have run: look, then reconcile or run a new build`;
  return failure(build, 'outcome_unknown', 'build_lost', message);
}

function timedOut(build: BuildIntent, timeoutMs: number): FinalVerdict {
  const message = `not done ${Math.round(timeoutMs / 1_000)} s after its start (MCP_BUILD_TIMEOUT_MS); the editor may still be building to ${build.outputPath}`;
  return { ...failure(build, 'failed', 'build_timeout', message), suffix: 'timeout' };
}

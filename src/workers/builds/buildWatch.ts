import { pause } from '../../core/clock.js';
import { deadline } from '../../core/deadline.js';
import { messageOf } from '../../core/errors.js';
import type { BuildIntent } from '../../events/event.js';
import type { BuildPhase } from '../buildPort.js';
import type { ExecuteContext } from '../execute/executeContext.js';
import type { FinalVerdict, Task } from '../lanes/task.js';
import { type BuildLook, decideBuild, isThisBuild, type WatchMemory } from './decideBuild.js';

/** A look gets at least this long, even right before the build's time is over. */
const MIN_LOOK_MS = 2_000;

/**
 * Watches a build whose start may have been sent, to its end. Never starts anything: whatever is lost (reply, job table, this process),
 * the next look finds the build again or says that it cannot. Rejects only when `signal` aborts.
 */
export async function watchBuild(
  task: Task,
  build: BuildIntent,
  first: WatchMemory,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<FinalVerdict> {
  const { clock, buildLimits } = context;
  const elapsedMs = elapsedOf(task, context);
  let memory = first;
  let wake = new AbortController();
  const show = (phase: BuildPhase, percent: number | null) =>
    tell(task, context, { phase, percent, elapsedMs: elapsedMs(), editorJobId: memory.jobId }, async () => {
      const cancelled = await cancelBuild(task, memory.jobId, context, signal);
      wake.abort();
      return cancelled;
    });
  show(memory.jobId === null ? 'searching' : 'building', null);
  for (;;) {
    signal.throwIfAborted();
    const look = await lookAt(task, build, memory, buildLimits.timeoutMs - elapsedMs(), context, signal);
    context.faultPoint('after_probe');
    const decision = decideBuild(build, memory, look, elapsedMs(), buildLimits);
    if (decision.kind === 'end') return decision.verdict;
    memory = decision.memory;
    show(PHASES[look.kind], look.kind === 'build' ? look.build.percent : null);
    wake = new AbortController();
    await pause(clock, decision.afterMs, AbortSignal.any([signal, wake.signal]));
  }
}

const PHASES = { build: 'building', silent: 'silent', traces: 'searching' } as const;

/**
 * Since the call: how long an editor that was away kept the build waiting before it is not the build's time. After a restart nobody knows
 * when that was, and the intent's time counts; within one life the wall clock may jump as it likes.
 */
function elapsedOf(task: Task, { clock }: ExecuteContext): () => number {
  const { calledMs } = task;
  if (calledMs !== undefined) return () => Math.round(clock.monotonicMs() - calledMs);
  const startedMs = Date.parse(task.started?.timestamp ?? '');
  const beforeMs = Number.isNaN(startedMs) ? 0 : Math.max(0, clock.nowMs() - startedMs);
  const beganMs = clock.monotonicMs();
  return () => Math.round(beforeMs + clock.monotonicMs() - beganMs);
}

function tell(
  { command }: Task,
  context: ExecuteContext,
  seen: { phase: BuildPhase; percent: number | null; elapsedMs: number; editorJobId: string | null },
  cancel: () => Promise<boolean>,
): void {
  const { commandId, sessionId, editor } = command;
  context.jobs.watching(commandId, { ...seen, cancel });
  const { phase: state, elapsedMs, percent } = seen;
  context.live.progress({ commandId, sessionId, editor, jobId: commandId, state, elapsedMs, percent });
}

/** One look, cut when the build's time is over: a status call hangs for as long as the build blocks the editor. */
async function lookAt(
  task: Task,
  build: BuildIntent,
  memory: WatchMemory,
  leftMs: number,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<BuildLook> {
  const limit = deadline(context.clock, Math.max(MIN_LOOK_MS, leftMs), signal);
  try {
    return await look(task, build, memory.jobId, context, limit.signal);
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'silent', reason: limit.expired() ? 'no answer in time' : messageOf(error) };
  } finally {
    limit.clear();
  }
}

async function look(
  task: Task,
  build: BuildIntent,
  jobId: string | null,
  { gate }: ExecuteContext,
  signal: AbortSignal,
): Promise<BuildLook> {
  const { editor } = task.command;
  if (task.mustDrain) {
    // The start may be queued inside the editor: only behind it does "no such build" mean anything.
    const readiness = await gate.drain(editor, signal);
    if (readiness.state === 'away') return { kind: 'silent', reason: readiness.reason };
    task.mustDrain = false;
  }
  for (const id of jobId === null ? [null] : [jobId, null]) {
    const status = await gate.builds.status(editor, id, signal);
    if (status.kind === 'silent') return status;
    if (status.kind !== 'build') continue;
    if (isThisBuild(status.build, build, id)) return status;
    // It may be this one or somebody else's; its end will tell, or its traces.
    const { outputPath, state } = status.build;
    if (outputPath === null && state === 'running')
      return { kind: 'silent', reason: 'a build runs in the editor that does not say where it goes' };
  }
  return gate.builds.traces(editor, build, signal);
}

async function cancelBuild(
  { command, attempts }: Task,
  jobId: string | null,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<boolean> {
  if (jobId === null) return false;
  const { commandId, editor } = command;
  const call = { token: context.nextToken(command), commandId, attempt: Math.max(1, attempts), signal };
  return (await context.gate.builds.cancel(editor, jobId, call)).kind === 'done';
}

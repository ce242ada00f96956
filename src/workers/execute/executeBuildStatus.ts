import { getBuildStatus } from '../../commands/getBuildStatus.js';
import { deadline } from '../../core/deadline.js';
import type { EndedBuild, OpenBuild } from '../builds/buildJobs.js';
import { isThisBuild } from '../builds/decideBuild.js';
import { failed, type Task, type Verdict } from '../lanes/task.js';
import type { ExecuteContext } from './executeContext.js';

/** A build may block its editor: then what the watcher saw last is the answer. */
const LIVE_LOOK_MS = 3_000;

/**
 * get_build_status: what the log and the watcher know of the build, and one fresh look while it runs. One that waits in a lane of this
 * worker is `accepted`; one that was sent to another worker is known from its start on.
 */
export async function executeBuildStatus(
  task: Task,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { jobId } = getBuildStatus.parse(task.command.payload);
  const known = await knownResult(jobId, context, signal);
  if (known) return { kind: 'completed', result: known };
  // Its owner may be another worker, who has told of its start a moment ago.
  await context.level();
  const told = await knownResult(jobId, context, signal);
  if (told) return { kind: 'completed', result: told };
  return failed('failed', {
    code: 'unknown_job',
    message: `no build with the id ${jobId} is known here; a jobId is the commandId of a unity.run_build (older ones are in spark_build_jobs)`,
    jobId,
  });
}

/** In one step, with no await between the looks: a build that begins meanwhile is found as accepted or as open, never as neither. */
async function knownResult(
  jobId: string,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Record<string, unknown> | undefined> {
  const ended = context.jobs.ended(jobId);
  if (ended) return endedResult(jobId, ended);
  const open = context.jobs.open(jobId);
  if (open) return openResult(jobId, open, context, signal);
  const held = context.held(jobId);
  if (held?.type !== 'unity.run_build') return undefined;
  return { jobId, state: 'accepted', editor: held.editor, sessionId: held.sessionId };
}

function endedResult(jobId: string, ended: EndedBuild): Record<string, unknown> {
  const { editor, sessionId, build, state, result, error, endedAt } = ended;
  return {
    jobId,
    state,
    editor,
    sessionId,
    ...build,
    ...result,
    ...(error ? { error: { code: error.code, message: error.message } } : {}),
    finishedAt: endedAt,
  };
}

async function openResult(
  jobId: string,
  open: OpenBuild,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const { started, build, watch } = open;
  const live = await liveLook(open, context, signal);
  const percent = live?.percent ?? watch?.percent ?? null;
  return {
    jobId,
    state: 'started',
    editor: started.editor,
    sessionId: started.sessionId,
    ...build,
    startedAt: started.timestamp,
    phase: live ? 'building' : (watch?.phase ?? 'searching'),
    elapsedMs: Math.max(0, context.clock.nowMs() - Date.parse(started.timestamp)),
    editorJobId: live?.jobId ?? watch?.editorJobId ?? null,
    ...(live ? { editorState: live.state } : {}),
    ...(percent === null ? {} : { percent }),
  };
}

async function liveLook({ started, build, watch }: OpenBuild, context: ExecuteContext, signal: AbortSignal) {
  const limit = deadline(context.clock, LIVE_LOOK_MS, signal);
  try {
    const askedId = watch?.editorJobId ?? null;
    const status = await context.gate.builds.status(started.editor, askedId, limit.signal);
    return status.kind === 'build' && isThisBuild(status.build, build, askedId) ? status.build : undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.expired()) throw error;
    return undefined;
  } finally {
    limit.clear();
  }
}

import type { SessionRollback } from '../../commands/sessionRollback.js';
import { UUID_PATTERN } from '../../core/ids.js';
import type { ExecuteContext } from '../execute/executeContext.js';
import type { Task, Verdict } from '../lanes/task.js';
import type { UndoLog } from '../undo/undoLog.js';
import { waiting } from '../undo/unitTelling.js';
import type { BuildJobs, EndedBuild } from './buildJobs.js';

type Completed = Extract<Verdict, { kind: 'completed' }>;

/**
 * Builds that a rollback goes back behind: those of the session that ended and were started after its moment, or after the operation that
 * stays. Players can be built again; the project shall be what it was.
 */
export function buildsBehind(
  undoLog: UndoLog,
  jobs: Pick<BuildJobs, 'endedAfter'>,
  sessionId: string,
  to: string,
): readonly EndedBuild[] {
  const momentMs = UUID_PATTERN.test(to)
    ? undoLog
        .operationsOf(sessionId)
        .filter(({ operationId, unitId }) => operationId === to || unitId === to)
        .map(({ at }) => Date.parse(at))
        .at(-1)
    : Date.parse(to);
  return momentMs === undefined ? [] : jobs.endedAfter(sessionId, momentMs);
}

/** After all files of a rollback are back: the outputs of its builds go. Repeatable, so a kill in between does no harm. */
export async function removeBuilds(
  task: Task,
  completed: Completed,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { sessionId, commandId, payload } = task.command;
  const removed: string[] = [];
  const left: { outputPath: string; reason: string }[] = [];
  for (const { editor, build } of buildsBehind(
    context.undoLog,
    context.jobs,
    sessionId,
    (payload as SessionRollback).to,
  )) {
    const answer = await context.gate.builds.removeOutput(editor, build, {
      token: context.nextToken(task.command),
      commandId,
      attempt: Math.max(1, task.attempts),
      signal,
    });
    if (answer.kind === 'away')
      return waiting(
        task,
        { kind: 'hold', reason: answer.reason, retryAfterMs: answer.retryAfterMs },
        editor,
      );
    if (answer.kind === 'done') removed.push(build.outputPath);
    else
      left.push({
        outputPath: build.outputPath,
        reason: answer.kind === 'refused' ? answer.message : answer.kind,
      });
  }
  const told = {
    ...(removed.length > 0 ? { buildsRemoved: removed } : {}),
    ...(left.length > 0 ? { buildsLeft: left } : {}),
  };
  return { ...completed, result: { ...completed.result, ...told } };
}

import type { ExecuteContext } from '../execute/executeContext.js';
import type { Task, Unit, UnitFile, Verdict } from '../lanes/task.js';

/** Tells whoever watches which file is done, and how many of how many. */
export function tellProgress(task: Task, unit: Unit, file: UnitFile, context: ExecuteContext): void {
  const { sessionId, commandId, type } = task.command;
  context.live.unitProgress?.({
    sessionId,
    commandId,
    commandType: type,
    editor: file.prepared.editor,
    path: file.prepared.change.path,
    filesDone: unit.files.filter(({ done }) => done !== undefined).length,
    filesTotal: unit.files.length,
  });
}

/** A unit waits with its lane for the lane's own editor; for another one only its session waits. */
export function waiting(task: Task, verdict: Verdict, editor: string): Verdict {
  if (verdict.kind !== 'hold' || editor === task.command.editor) return verdict;
  return { kind: 'retry', reason: verdict.reason, afterMs: Math.max(500, verdict.retryAfterMs) };
}

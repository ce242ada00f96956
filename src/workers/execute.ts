import { type CommandDefinition, definitionOf } from '../commands/catalogue.js';
import { assertNever, messageOf } from '../core/errors.js';
import { STALE_TOKEN } from './editor.js';
import { executeCompensation, findTargetOf } from './executeCompensation.js';
import type { ExecuteContext } from './executeContext.js';
import { executePreview } from './executePreview.js';
import { executeScript } from './executeScript.js';
import { failed, type Task, type Verdict } from './task.js';
import { tryAgain } from './tryAgain.js';

/**
 * One go at a command: intent → call → probe, as reliability.md says. Whatever happens comes back as a verdict; what throws is the end
 * of this worker's ownership (fenced, closed, aborted), and the command stays open for the next owner.
 */
export async function execute(task: Task, context: ExecuteContext, signal: AbortSignal): Promise<Verdict> {
  const { command } = task;
  task.beganMs ??= context.clock.monotonicMs();
  // A command that has started is finished whatever its deadline: its effect may be there already.
  if (!task.started && isExpired(command.deadline, context.clock.nowMs()))
    return failed('expired', {
      code: 'deadline_exceeded',
      message: `the deadline ${command.deadline} had passed before it could start`,
    });
  const definition = definitionOf(command.type);
  if (!definition)
    return failed('failed', { code: 'unknown_command', message: `this build does not know ${command.type}` });
  context.faultPoint('before_intent');
  const editor = targetEditor(task, context);
  // Another lane's editor: wait for it in this session only, or its long call would hold up this whole lane.
  if (editor !== command.editor && context.busy(editor))
    return { kind: 'retry', reason: `editor ${editor} is busy`, afterMs: BUSY_RETRY_MS };
  const verdict = await context.exclusive(editor, () =>
    run(definition, task, editor, context, signal).catch((error: unknown) =>
      poisoned(task, error, context, signal),
    ),
  );
  if (verdict.kind === 'retry') context.retried(verdict.reason);
  // Another editor than the lane's own is away: only this session waits, the lane goes on.
  if (verdict.kind === 'hold' && editor !== command.editor)
    return { kind: 'retry', reason: verdict.reason, afterMs: Math.max(500, verdict.retryAfterMs) };
  return verdict;
}

/** Whose ownership has ended throws on; anything else is this command's own trouble, and its lane goes on after its attempts. */
function poisoned(task: Task, error: unknown, context: ExecuteContext, signal: AbortSignal): Verdict {
  const code = (error as { code?: unknown } | null)?.code;
  // A number is a verdict of the stream server (disk full, no stream): nobody's command is to blame.
  if (signal.aborted || typeof code === 'number' || ENDS_OWNERSHIP.has(String(code))) throw error;
  task.attempts++;
  const verdict = tryAgain(task, messageOf(error), context, 500);
  return verdict.kind === 'failed' && task.mayHaveRun ? { ...verdict, outcome: 'outcome_unknown' } : verdict;
}

const BUSY_RETRY_MS = 50;

const ENDS_OWNERSHIP = new Set(['fenced', 'log_closed', STALE_TOKEN]);

function run(
  definition: CommandDefinition,
  task: Task,
  editor: string,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  switch (definition.effect) {
    case 'file_change':
      return executeScript(task, context, signal);
    case 'compensation':
      return executeCompensation(task, editor, context, signal);
    case 'read':
      return executePreview(task, context, signal);
    default:
      return assertNever(definition.effect);
  }
}

/** The editor whose files it is about: for undo and redo the operation's, whatever editor the command was sent to. */
function targetEditor(task: Task, context: ExecuteContext): string {
  if (task.change) return task.change.editor;
  if (task.started?.intent) return task.started.intent.editor;
  const { command } = task;
  if (definitionOf(command.type)?.effect !== 'compensation') return command.editor;
  const target = findTargetOf(command, context.undoLog);
  return target.kind === 'target' ? target.operation.editor : command.editor;
}

function isExpired(deadline: string | null, nowMs: number): boolean {
  return deadline !== null && Date.parse(deadline) <= nowMs;
}

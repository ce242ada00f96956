import { sha256 } from '../../core/ids.js';
import { removeBuilds } from '../builds/rolledBackBuilds.js';
import { failed, type Task, type Verdict } from '../lanes/task.js';
import { conflictOf, type Direction, imagesOf } from '../undo/decideUndo.js';
import type { Operation } from '../undo/sessionHistory.js';
import type { ExecuteContext } from './executeContext.js';
import { executeGroup } from './executeGroup.js';
import { currentOf } from './executeScript.js';
import { converge, prepare, resume } from './fileChange.js';
import { restored } from './fileImages.js';
import { directionOf, targetOf } from './targetOf.js';

/** session.undo, session.redo and session.rollback: the same road as a script command, to bytes that were there before. */
export async function executeCompensation(
  task: Task,
  lockedEditors: readonly string[],
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const verdict = await compensate(task, lockedEditors, context, signal);
  return verdict.kind === 'completed' && task.command.type === 'session.rollback'
    ? removeBuilds(task, verdict, context, signal)
    : verdict;
}

async function compensate(
  task: Task,
  lockedEditors: readonly string[],
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const direction = directionOf(task.command);
  if (task.change) return converge(task, task.change, context, signal);
  if (task.started?.intent) return resume(task, task.started.intent, direction, context, signal);
  if (task.unit || task.started?.intents) return executeGroup(task, [], context, signal);
  const target = targetOf(task.command, context.undoLog);
  if (target.kind === 'failed') return target;
  const { operations } = target;
  // The session's newest operation became another one while we waited for the editor: begin again with that one's editor.
  if (operations.some(({ editor }) => !lockedEditors.includes(editor)))
    return { kind: 'retry', reason: 'the newest operation has changed', afterMs: 0 };
  // One that came through another editor's lane is at it: its end decides which operation is ours. Waited for long, `begin` refuses us.
  const ids = operations.map(({ operationId }) => operationId);
  const patient = context.clock.monotonicMs() - (task.beganMs ?? 0) < MOVE_PATIENCE_MS;
  if (patient && context.beingMoved(ids, task.command.commandId))
    return { kind: 'retry', reason: 'another undo of this operation is under way', afterMs: MOVE_RETRY_MS };
  const [only] = operations;
  const alone = operations.length === 1 && only && only.unitId === undefined;
  return alone && task.command.type !== 'session.rollback'
    ? step(task, only, direction, context, signal)
    : executeGroup(task, operations, context, signal);
}

const MOVE_RETRY_MS = 50;
const MOVE_PATIENCE_MS = 10_000;

async function step(
  task: Task,
  operation: Operation,
  direction: Direction,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const { gate, images, undoLog } = context;
  const { editor, path, operationId } = operation;
  const probe = await gate.probe(editor, path, signal);
  if (probe.state === 'away') return { kind: 'hold', reason: probe.reason, retryAfterMs: probe.retryAfterMs };
  if (probe.state === 'refused') return failed('failed', { code: probe.code, message: probe.message });
  const current = currentOf(probe);
  const metaSha = current?.meta ? sha256(current.meta) : null;
  const conflict = conflictOf(operation, direction, current, metaSha, undoLog);
  if (conflict) return { kind: 'failed', outcome: 'conflict', error: conflict, operationId };
  const move = imagesOf(operation, direction);
  const after = await restored([move], current ?? null, images);
  if (after === undefined)
    return failed('failed', {
      code: 'image_missing',
      message: `the image ${move.to?.sha256} of operation ${operationId} is not in the image store`,
    });
  // The operation's end may still be on its way to the log of another partition: its undo must not be stored before it.
  if (editor !== task.command.editor) await context.recorded(editor);
  const prepared = await prepare(
    task,
    {
      editor,
      direction,
      operationId,
      tool: operation.tool,
      missingFolders: [],
      createdFolders: operation.createdFolders ?? [],
    },
    { path, before: current ?? null, after, restore: true },
    context,
  );
  if (!prepared.ok) return prepared.verdict;
  return converge(task, prepared.change, context, signal);
}

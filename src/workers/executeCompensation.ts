import type { Command } from '../commands/envelope.js';
import type { SessionUndo } from '../commands/sessionUndo.js';
import { sha256 } from '../core/ids.js';
import type { FileImage } from '../events/event.js';
import { conflictOf, type Direction, findTarget, imagesOf, type Target } from './decideUndo.js';
import type { FileContent } from './editor.js';
import type { ExecuteContext } from './executeContext.js';
import { currentOf } from './executeScript.js';
import { contentOf, converge, prepare, resume } from './fileChange.js';
import { failed, type Task, type Verdict } from './task.js';
import type { Operation, UndoLog } from './undoLog.js';

/** session.undo and session.redo: the same road as a script command, to bytes that were there before. */
export async function executeCompensation(
  task: Task,
  lockedEditor: string,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const direction = directionOf(task.command);
  if (task.change) return converge(task, task.change, context, signal);
  if (task.started?.intent) return resume(task, task.started.intent, direction, context, signal);
  const target = findTargetOf(task.command, context.undoLog);
  if (target.kind === 'failed') return target;
  // The session's newest operation became another one while we waited for the editor: begin again with that one's editor.
  if (target.operation.editor !== lockedEditor)
    return { kind: 'retry', reason: 'the newest operation has changed', afterMs: 0 };
  return step(task, target.operation, direction, context, signal);
}

function directionOf(command: Command): Direction {
  return command.type === 'session.undo' ? 'undo' : 'redo';
}

/** What an undo or redo command is about, as the log stands now. */
export function findTargetOf(command: Command, undoLog: UndoLog): Target {
  return findTarget(
    undoLog,
    command.sessionId,
    directionOf(command),
    (command.payload as SessionUndo).operationId,
  );
}

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
  const { to } = imagesOf(operation, direction);
  const after = await restored(to, current ?? null, images);
  if (after === undefined)
    return failed('failed', {
      code: 'image_missing',
      message: `the image ${to?.sha256} of operation ${operationId} is not in the image store`,
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

/** The content to restore; a file that stays keeps the `.meta` it has. Undefined: its image is gone. */
async function restored(
  to: FileImage | null,
  current: FileContent | null,
  images: ExecuteContext['images'],
): Promise<FileContent | null | undefined> {
  if (to === null) return null;
  const content = await contentOf(to, images);
  return content && current ? { bytes: content.bytes, meta: current.meta } : content;
}

import { definitionOf } from '../../commands/catalogue.js';
import type { Command } from '../../commands/envelope.js';
import type { SessionRollback } from '../../commands/sessionRollback.js';
import type { SessionUndo } from '../../commands/sessionUndo.js';
import type { Task } from '../lanes/task.js';
import { findRollback } from '../undo/decideRollback.js';
import { type Direction, findTarget, type Target } from '../undo/decideUndo.js';
import type { UndoLog } from '../undo/undoLog.js';

export function directionOf({ type }: Pick<Command, 'type'>): Direction {
  return type === 'session.redo' ? 'redo' : 'undo';
}

/** What an undo, redo or rollback command is about, as the log stands now. */
export function targetOf(
  { type, sessionId, payload }: Pick<Command, 'type' | 'sessionId' | 'payload'>,
  undoLog: UndoLog,
): Target {
  if (type === 'session.rollback') return findRollback(undoLog, sessionId, (payload as SessionRollback).to);
  return findTarget(undoLog, sessionId, directionOf({ type }), (payload as SessionUndo).operationId);
}

/**
 * The editors whose files a command is about, sorted: for undo, redo and rollback those of the operations, whatever editor the command
 * was sent to. Whoever locks several does so in this order, so that two commands never wait for each other.
 */
export function targetEditors(task: Task, undoLog: UndoLog): readonly string[] {
  if (task.change) return [task.change.editor];
  if (task.unit)
    return sorted(
      task.unit.files.map(({ prepared }) => prepared.editor),
      task,
    );
  if (task.started?.intent) return [task.started.intent.editor];
  if (task.started?.intents)
    return sorted(
      task.started.intents.map(({ editor }) => editor),
      task,
    );
  const { command } = task;
  if (definitionOf(command.type)?.effect !== 'compensation') return [command.editor];
  const target = targetOf(command, undoLog);
  return sorted(target.kind === 'target' ? target.operations.map(({ editor }) => editor) : [], task);
}

function sorted(editors: readonly string[], { command }: Task): readonly string[] {
  return editors.length === 0 ? [command.editor] : [...new Set(editors)].toSorted();
}

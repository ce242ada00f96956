import type { EventError, FailureOutcome, FileImage } from '../events/event.js';
import type { Current } from './decide.js';
import type { Operation, UndoLog } from './undoLog.js';

export type Direction = 'undo' | 'redo';

/** Which operation an undo or redo is about, decided at execution from the log. */
export type Target =
  | { readonly kind: 'target'; readonly operation: Operation }
  | { readonly kind: 'failed'; readonly outcome: FailureOutcome; readonly error: EventError };

export function findTarget(
  undoLog: UndoLog,
  sessionId: string,
  direction: Direction,
  operationId?: string,
): Target {
  const operation =
    direction === 'undo'
      ? undoLog.findUndo(sessionId, operationId)
      : undoLog.findRedo(sessionId, operationId);
  if (!operation)
    return operationId === undefined
      ? failed(`nothing_to_${direction}`, `session ${sessionId} has nothing to ${direction}`)
      : failed(
          'unknown_operation',
          `session ${sessionId} has no operation ${operationId} that can be undone or redone`,
        );
  const standing = direction === 'undo' ? 'applied' : 'undone';
  if (operation.effective !== standing)
    return failed(
      `not_${standing}`,
      `operation ${operation.operationId} is ${operation.effective}; it cannot be ${direction === 'undo' ? 'undone' : 'redone'} now`,
    );
  if (direction === 'redo' && !undoLog.canRedo(sessionId, operation.operationId))
    return failed(
      'nothing_to_redo',
      `a newer operation of session ${sessionId} has cleared what could be redone`,
    );
  return { kind: 'target', operation };
}

/** What must lie there for the step back (or forward) to be safe, and what it leads to. */
export function imagesOf(
  operation: Operation,
  direction: Direction,
): { from: FileImage | null; to: FileImage | null } {
  return direction === 'undo'
    ? { from: operation.after, to: operation.before }
    : { from: operation.before, to: operation.after };
}

/**
 * The conflict that keeps an undo from overwriting somebody's later change, or undefined when the file is as the operation left it.
 * A `.meta` counts where the step would remove the file: changed import settings are a later change too.
 */
export function conflictOf(
  operation: Operation,
  direction: Direction,
  current: Current,
  currentMetaSha256: string | null,
  undoLog: UndoLog,
): EventError | undefined {
  const { from, to } = imagesOf(operation, direction);
  const sameBytes = (from?.sha256 ?? null) === (current?.sha256 ?? null);
  const metaMatters = to === null && from?.meta != null && currentMetaSha256 !== null;
  if (sameBytes && !(metaMatters && from?.meta?.sha256 !== currentMetaSha256)) return undefined;
  const later = undoLog.lastChange(operation.editor, operation.path);
  const ours = later === undefined || later.operationId === operation.operationId;
  return {
    code: 'conflict',
    message: `${operation.path} has changed since: ${sameBytes ? 'its .meta' : 'its content'} is not what the operation left; nothing was changed`,
    path: operation.path,
    operationId: operation.operationId,
    expectedSha256: from?.sha256 ?? null,
    currentSha256: current?.sha256 ?? null,
    laterChange: ours
      ? { by: 'outside SPARK' }
      : { commandId: later.commandId, sessionId: later.sessionId, at: later.timestamp },
  };
}

function failed(code: string, message: string): Target {
  return { kind: 'failed', outcome: 'failed', error: { code, message } };
}

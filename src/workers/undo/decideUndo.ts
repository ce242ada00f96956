import type { EventError, FailureOutcome, FileImage } from '../../events/event.js';
import type { Current } from '../execute/decide.js';
import type { Operation } from './sessionHistory.js';
import type { LastChange, UndoLog } from './undoLog.js';

export type Direction = 'undo' | 'redo';

/** One operation moved: what must lie there, and what lies there then. Null: absent. */
export interface Move {
  readonly from: FileImage | null;
  readonly to: FileImage | null;
}

/** What a step moves together on one file. */
export interface MovedTogether {
  /** Oldest first. */
  readonly operationIds: readonly string[];
  /** In the order they are moved. */
  readonly moves: readonly Move[];
}

/** Which operations an undo, redo or rollback is about, decided at execution from the log. */
export type Target =
  /** In the order they are moved in: undo newest first, redo oldest first. Several: a unit, or a rollback; none: there is nothing to roll back. */
  | { readonly kind: 'target'; readonly operations: readonly Operation[] }
  | { readonly kind: 'failed'; readonly outcome: FailureOutcome; readonly error: EventError };

/** `id` names an operation or a unit; a member stands for its unit. */
export function findTarget(undoLog: UndoLog, sessionId: string, direction: Direction, id?: string): Target {
  const unit = direction === 'undo' ? undoLog.findUndo(sessionId, id) : undoLog.findRedo(sessionId, id);
  const [named] = unit;
  if (!named)
    return id === undefined
      ? failed(`nothing_to_${direction}`, `session ${sessionId} has nothing to ${direction}`)
      : failed(
          'unknown_operation',
          `session ${sessionId} has no operation ${id} that can be undone or redone`,
        );
  const standing = direction === 'undo' ? 'applied' : 'undone';
  const operations = unit.filter(({ effective }) => effective === standing);
  if (operations.length === 0)
    return failed(
      `not_${standing}`,
      `operation ${id ?? named.operationId} is ${named.effective}; it cannot be ${direction === 'undo' ? 'undone' : 'redone'} now`,
    );
  if (direction === 'redo' && !operations.every(({ operationId }) => undoLog.canRedo(sessionId, operationId)))
    return failed(
      'nothing_to_redo',
      `a newer operation of session ${sessionId} has cleared what could be redone`,
    );
  return { kind: 'target', operations };
}

/** What must lie there for the step back (or forward) to be safe, and what it leads to. */
export function imagesOf(operation: Pick<Operation, 'before' | 'after'>, direction: Direction): Move {
  return direction === 'undo'
    ? { from: operation.after, to: operation.before }
    : { from: operation.before, to: operation.after };
}

/**
 * The conflict that keeps an undo from overwriting somebody's later change, or undefined when the file is as the operation left it.
 * A `.meta` counts where the step would remove the file, if only on its way to another content: changed import settings are a later
 * change too. `together`: all that the step is about, where that is more than the operation.
 */
export function conflictOf(
  operation: Operation,
  direction: Direction,
  current: Current,
  currentMetaSha256: string | null,
  undoLog: UndoLog,
  { operationIds, moves }: MovedTogether = alone(operation, direction),
): EventError | undefined {
  const { from } = imagesOf(operation, direction);
  const sameBytes = (from?.sha256 ?? null) === (current?.sha256 ?? null);
  const removes = moves.some(({ to }) => to === null);
  const metaMatters = removes && from?.meta != null && currentMetaSha256 !== null;
  if (sameBytes && !(metaMatters && from?.meta?.sha256 !== currentMetaSha256)) return undefined;
  const later = undoLog.lastChange(operation.editor, operation.path);
  const changed = sameBytes ? 'its .meta' : 'its content';
  return {
    code: 'conflict',
    message: `${operation.path} has changed since: ${changed} is not what the operation left; nothing was changed`,
    path: operation.path,
    editor: operation.editor,
    operationId: operation.operationId,
    expectedSha256: from?.sha256 ?? null,
    currentSha256: current?.sha256 ?? null,
    laterChange: later === undefined || operationIds.includes(later.operationId) ? OUTSIDE : laterOf(later),
  };
}

const alone = (operation: Operation, direction: Direction): MovedTogether => ({
  operationIds: [operation.operationId],
  moves: [imagesOf(operation, direction)],
});

const OUTSIDE = { by: 'outside SPARK' } as const;

/** Who changed a file later, as a conflict tells it. */
function laterOf({ operationId, commandId, sessionId, actor, timestamp }: LastChange) {
  return { operationId, commandId, sessionId, ...(actor === undefined ? {} : { actor }), at: timestamp };
}

function failed(code: string, message: string): Target {
  return { kind: 'failed', outcome: 'failed', error: { code, message } };
}

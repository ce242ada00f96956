import type { OperationMove, OperationRecord } from '../../events/event.js';
import type { ExecuteContext } from '../execute/executeContext.js';
import type { Task, Unit, UnitFile } from '../lanes/task.js';
import type { Operation } from './sessionHistory.js';

/** What became of the operations behind files that are done, in the order a fold must see them: undo newest first. */
export function movesOfUnit(
  task: Task,
  unit: Unit,
  files: readonly UnitFile[],
  { undoLog }: Pick<ExecuteContext, 'undoLog'>,
): OperationMove[] {
  const { direction } = unit;
  const { sessionId, commandId } = task.command;
  if (direction === 'apply')
    return files.flatMap(({ done }) =>
      done?.change
        ? [{ direction, operation: { ...done.change.operation, unitId: commandId } } satisfies OperationMove]
        : [],
    );
  const ids = new Set(files.flatMap(({ operationIds }) => operationIds));
  const operations = undoLog.operationsOf(sessionId).filter(({ operationId }) => ids.has(operationId));
  const inOrder = direction === 'undo' ? operations.toReversed() : operations;
  return inOrder.map((operation) => ({ direction, operation: recordOf(operation) }));
}

/** As the event that made it says, less where it was imported from: the file has been changed here now. */
function recordOf({
  operationId,
  unitId,
  editor,
  path,
  tool,
  before,
  after,
  createdFolders,
}: Operation): OperationRecord {
  return {
    operationId,
    ...(unitId === undefined ? {} : { unitId }),
    editor,
    path,
    tool,
    before,
    after,
    ...(createdFolders ? { createdFolders } : {}),
  };
}

import { UUID_PATTERN } from '../../core/ids.js';
import type { Target } from './decideUndo.js';
import type { UndoLog } from './undoLog.js';

/**
 * What a rollback undoes: everything of the session that stands and is newer than the named operation (which stays, with its unit), or
 * was made after the moment. Newest first; none when nothing is.
 */
export function findRollback(undoLog: UndoLog, sessionId: string, to: string): Target {
  return UUID_PATTERN.test(to) ? sinceOperation(undoLog, sessionId, to) : sinceMoment(undoLog, sessionId, to);
}

function sinceOperation(undoLog: UndoLog, sessionId: string, id: string): Target {
  const operations = undoLog.operationsOf(sessionId);
  const named = operations.findLast(({ operationId, unitId }) => operationId === id || unitId === id);
  if (!named)
    return failed(
      'unknown_operation',
      `session ${sessionId} has no operation ${id} to roll back to; GET /v1/sessions/${sessionId}/operations lists those it has`,
    );
  const stays = operations.findLastIndex(
    (operation) => operation === named || (named.unitId !== undefined && operation.unitId === named.unitId),
  );
  return standing(operations.slice(stays + 1));
}

function sinceMoment(undoLog: UndoLog, sessionId: string, to: string): Target {
  const moment = Date.parse(to);
  const forgotten = undoLog.forgottenThrough(sessionId);
  if (forgotten !== undefined && Date.parse(forgotten) > moment)
    return failed(
      'history_not_kept',
      `session ${sessionId} had operations after ${to} that are too old to be undone; the newest of those is of ${forgotten}: roll back to a later moment`,
    );
  return standing(undoLog.operationsOf(sessionId).filter(({ at }) => Date.parse(at) > moment));
}

function standing(operations: ReturnType<UndoLog['operationsOf']>): Target {
  return {
    kind: 'target',
    operations: operations.filter(({ effective }) => effective === 'applied').toReversed(),
  };
}

function failed(code: string, message: string): Target {
  return { kind: 'failed', outcome: 'failed', error: { code, message } };
}

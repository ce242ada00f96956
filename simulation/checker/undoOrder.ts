import { movesOf } from '../../src/events/event.js';
import type { History } from './history.js';

/**
 * I8: an undo that names nothing takes back the newest operation of its session that stands when it begins, by the order of the log,
 * whatever the clocks said. (A session with two editors has two owners, who hear of each other a little late: only those with one are judged.)
 */
export function undoesTheNewest(history: History): string[] {
  const editors = new Map<string, Set<string>>();
  /** By session: operations in the order in which they were made, and whether they stand. */
  const operations = new Map<string, Map<string, boolean>>();
  const wanted = new Map<string, string>();
  const violations: string[] = [];
  for (const { event } of history.events) {
    const { sessionId, commandId } = event;
    editors.set(sessionId, (editors.get(sessionId) ?? new Set()).add(event.editor));
    const ofSession = operations.get(sessionId) ?? new Map<string, boolean>();
    operations.set(sessionId, ofSession);
    if (event.kind === 'started' && isBareUndo(event.envelope)) {
      const newest = [...ofSession].findLast(([, stands]) => stands)?.[0];
      if (newest !== undefined) wanted.set(commandId, newest);
    }
    const moves = movesOf(event);
    const newest = wanted.get(commandId);
    const undone = moves.filter(({ direction }) => direction === 'undo');
    const isTheNewest = undone.some(({ operation }) => operation.operationId === newest);
    if (newest !== undefined && undone.length > 0 && !isTheNewest && editors.get(sessionId)?.size === 1)
      violations.push(
        `I8: ${commandId} took back ${undone[0]?.operation.operationId}, the newest that stood was ${newest}`,
      );
    for (const { direction, operation } of moves) ofSession.set(operation.operationId, direction !== 'undo');
  }
  return violations;
}

const isBareUndo = ({ type, payload }: { readonly type: string; readonly payload: unknown }): boolean =>
  type === 'session.undo' && (payload as { operationId?: unknown } | null)?.operationId === undefined;

import { type LoggedEvent, movesOf, type OperationRecord } from '../../events/event.js';

export type OperationState = 'applied' | 'undone' | 'conflict';

/** What the events of a batch say about one operation. */
export interface OperationChange {
  readonly operationId: string;
  /** From the event that applied it; null where that one came in an earlier batch. */
  readonly made: {
    readonly record: OperationRecord;
    readonly seq: number;
    /** Its place among those that the event made. */
    readonly ordinal: number;
    readonly tsMs: number;
    readonly commandId: string;
    readonly sessionId: string;
  } | null;
  readonly state: OperationState;
  readonly stateCommandId: string;
  readonly stateTsMs: number;
  readonly lastSeq: number;
}

/** The operations an event is about and what became of each, in the order they were moved. */
export function operationsIn(logged: LoggedEvent): OperationChange[] {
  const { event, seq, tsMs } = logged;
  const changes = movesOf(event).map(({ direction, operation }, ordinal): OperationChange => {
    if (direction !== 'apply')
      return moved(logged, operation.operationId, null, direction === 'undo' ? 'undone' : 'applied');
    const { commandId, sessionId } = event;
    const made = { record: operation, seq, ordinal, tsMs, commandId, sessionId };
    return moved(logged, operation.operationId, made, 'applied');
  });
  if (event.kind === 'failed' && event.outcome === 'conflict' && event.operationId !== undefined)
    changes.push(moved(logged, event.operationId, null, 'conflict'));
  return changes;
}

function moved(
  { event, seq, tsMs }: LoggedEvent,
  operationId: string,
  made: OperationChange['made'],
  state: OperationState,
): OperationChange {
  return { operationId, made, state, stateCommandId: event.commandId, stateTsMs: tsMs, lastSeq: seq };
}

/** Two changes of one operation, in log order, as one: what made it is kept, the last state counts. */
export function mergeOperation(before: OperationChange | undefined, after: OperationChange): OperationChange {
  return before === undefined ? after : { ...after, made: before.made ?? after.made };
}

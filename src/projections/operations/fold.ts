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
  const moved = { stateCommandId: event.commandId, stateTsMs: tsMs, lastSeq: seq };
  const changes = movesOf(event).map(({ direction, operation }, ordinal): OperationChange => {
    const { operationId } = operation;
    if (direction !== 'apply')
      return { operationId, made: null, state: direction === 'undo' ? 'undone' : 'applied', ...moved };
    const { commandId, sessionId } = event;
    const made = { record: operation, seq, ordinal, tsMs, commandId, sessionId };
    return { operationId, made, state: 'applied', ...moved };
  });
  if (event.kind === 'failed' && event.outcome === 'conflict' && event.operationId !== undefined)
    changes.push({ operationId: event.operationId, made: null, state: 'conflict', ...moved });
  return changes;
}

/** Two changes of one operation, in log order, as one: what made it is kept, the last state counts. */
export function mergeOperation(before: OperationChange | undefined, after: OperationChange): OperationChange {
  return before === undefined ? after : { ...after, made: before.made ?? after.made };
}

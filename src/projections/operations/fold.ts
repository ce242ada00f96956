import type { LoggedEvent, OperationRecord } from '../../events/event.js';

export type OperationState = 'applied' | 'undone' | 'conflict';

/** What the events of a batch say about one operation. */
export interface OperationChange {
  readonly operationId: string;
  /** From the event that applied it; null where that one came in an earlier batch. */
  readonly made: {
    readonly record: OperationRecord;
    readonly seq: number;
    readonly tsMs: number;
    readonly commandId: string;
    readonly sessionId: string;
  } | null;
  readonly state: OperationState;
  readonly stateCommandId: string;
  readonly stateTsMs: number;
  readonly lastSeq: number;
}

/** Which operation an event is about and what became of it; undefined for an event that is about none. */
export function operationIn(logged: LoggedEvent): OperationChange | undefined {
  const { event, seq, tsMs } = logged;
  const moved = { stateCommandId: event.commandId, stateTsMs: tsMs, lastSeq: seq };
  if (event.kind === 'failed' && event.outcome === 'conflict' && event.operationId !== undefined) {
    return { operationId: event.operationId, made: null, state: 'conflict', ...moved };
  }
  if (event.kind !== 'completed' || event.change === undefined) return undefined;
  const { direction, operation } = event.change;
  const { operationId } = operation;
  if (direction !== 'apply') {
    return { operationId, made: null, state: direction === 'undo' ? 'undone' : 'applied', ...moved };
  }
  const { commandId, sessionId } = event;
  return {
    operationId,
    made: { record: operation, seq, tsMs, commandId, sessionId },
    state: 'applied',
    ...moved,
  };
}

/** Two changes of one operation, in log order, as one: what made it is kept, the last state counts. */
export function mergeOperation(before: OperationChange | undefined, after: OperationChange): OperationChange {
  return before === undefined ? after : { ...after, made: before.made ?? after.made };
}

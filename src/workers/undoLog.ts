import type { OperationRecord, SparkEvent } from '../events/event.js';

/** `spark_operations.state`. */
export type OperationState = 'applied' | 'undone' | 'conflict';

export interface Operation extends OperationRecord {
  readonly sessionId: string;
  readonly state: OperationState;
  /** What it stood at before a conflict: an undo that met one may be tried again, and so may a redo. */
  readonly effective: 'applied' | 'undone';
}

interface SessionHistory {
  /** Oldest first. */
  operations: Operation[];
  /** Operation ids that can be redone, the last undone last. */
  redo: string[];
}

export interface LastChange {
  readonly operationId: string;
  readonly commandId: string;
  readonly sessionId: string;
  readonly timestamp: string;
}

/** Operations kept in memory for each session; product.md promises the last 50. */
export const OPERATIONS_KEPT = 200;

/** The undo log as decisions need it: folded from events alone, so it says the same wherever and whenever it is asked. */
export class UndoLog {
  readonly #sessions = new Map<string, SessionHistory>();
  readonly #lastChanges = new Map<string, LastChange>();

  apply(event: SparkEvent): void {
    if (event.kind === 'completed' && event.change) {
      const { direction, operation } = event.change;
      this.#lastChanges.set(`${operation.editor}\0${operation.path}`, {
        operationId: operation.operationId,
        commandId: event.commandId,
        sessionId: event.sessionId,
        timestamp: event.timestamp,
      });
      if (direction === 'apply') this.#add(event.sessionId, operation);
      else this.#move(event.sessionId, operation.operationId, direction);
    } else if (event.kind === 'failed' && event.outcome === 'conflict' && event.operationId !== undefined) {
      this.#update(event.sessionId, event.operationId, (operation) => ({ ...operation, state: 'conflict' }));
    }
  }

  /** The operation an undo is about: the named one, or the newest that stands. */
  findUndo(sessionId: string, operationId?: string): Operation | undefined {
    const { operations } = this.#history(sessionId);
    if (operationId !== undefined)
      return operations.find((operation) => operation.operationId === operationId);
    return operations.findLast((operation) => operation.effective === 'applied');
  }

  /** The operation a redo is about: the named one, or the one undone last; a new operation clears these. */
  findRedo(sessionId: string, operationId?: string): Operation | undefined {
    return this.findOperation(sessionId, operationId ?? this.#history(sessionId).redo.at(-1));
  }

  findOperation(sessionId: string, operationId: string | undefined): Operation | undefined {
    return this.#history(sessionId).operations.find((operation) => operation.operationId === operationId);
  }

  /** Whether a redo of this operation is still open. */
  canRedo(sessionId: string, operationId: string): boolean {
    return this.#history(sessionId).redo.includes(operationId);
  }

  /** Who changed a file last through SPARK: what a conflict names. */
  lastChange(editor: string, path: string): LastChange | undefined {
    return this.#lastChanges.get(`${editor}\0${path}`);
  }

  #history(sessionId: string): SessionHistory {
    return this.#sessions.get(sessionId) ?? { operations: [], redo: [] };
  }

  #add(sessionId: string, record: OperationRecord): void {
    const history = this.#sessions.get(sessionId) ?? { operations: [], redo: [] };
    this.#sessions.set(sessionId, history);
    history.operations.push({ ...record, sessionId, state: 'applied', effective: 'applied' });
    if (history.operations.length > OPERATIONS_KEPT) history.operations.shift();
    history.redo = [];
  }

  #move(sessionId: string, operationId: string, direction: 'undo' | 'redo'): void {
    const state = direction === 'undo' ? 'undone' : 'applied';
    this.#update(sessionId, operationId, (operation) => ({ ...operation, state, effective: state }));
    const history = this.#sessions.get(sessionId);
    if (!history) return;
    history.redo = history.redo.filter((id) => id !== operationId);
    if (direction === 'undo') history.redo.push(operationId);
  }

  #update(sessionId: string, operationId: string, change: (operation: Operation) => Operation): void {
    const history = this.#sessions.get(sessionId);
    if (history)
      history.operations = history.operations.map((operation) =>
        operation.operationId === operationId ? change(operation) : operation,
      );
  }
}

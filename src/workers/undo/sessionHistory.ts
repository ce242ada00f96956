import type { OperationRecord } from '../../events/event.js';

/** `spark_operations.state`. */
export type OperationState = 'applied' | 'undone' | 'conflict';

export interface Operation extends OperationRecord {
  readonly sessionId: string;
  /** When it was made (ISO 8601): here, or where an imported one comes from. */
  readonly at: string;
  readonly state: OperationState;
  /** What it stood at before a conflict: an undo that met one may be tried again, and so may a redo. */
  readonly effective: 'applied' | 'undone';
}

/** Operations kept in memory for each session, whole units at a time … */
export const OPERATIONS_KEPT = 2_000;
/** … but never fewer than this many units (an operation that stands alone is one): product.md promises the last 50. */
export const UNITS_KEPT = 50;

/** The operations of one session, oldest first, and what of them can be redone. */
export class SessionHistory {
  operations: Operation[] = [];
  /** Operation ids that can be redone, the last undone last. */
  redo: string[] = [];
  forgottenThrough: string | undefined;
  readonly #ids = new Set<string>();
  #units = 0;

  find(operationId: string): Operation | undefined {
    return this.operations.findLast((operation) => operation.operationId === operationId);
  }

  /** By its own id, or the newest of the unit that is named. */
  named(id: string): Operation | undefined {
    return this.find(id) ?? this.operations.findLast(({ unitId }) => unitId === id);
  }

  /** What is undone and redone together with it, oldest first. */
  unitOf(operation: Operation): Operation[] {
    const { unitId } = operation;
    return unitId === undefined ? [operation] : this.operations.filter((other) => other.unitId === unitId);
  }

  /** An operation that is known is not made again: it stands, as its row of `spark_operations` says then. */
  add(operation: Operation): void {
    if (this.#ids.has(operation.operationId)) {
      this.move(operation.operationId, 'redo');
      return;
    }
    this.#ids.add(operation.operationId);
    const last = this.operations.at(-1);
    if (last === undefined || unitKey(last) !== unitKey(operation)) this.#units++;
    this.operations.push(operation);
    this.redo = [];
    while (this.operations.length > OPERATIONS_KEPT && this.#units > UNITS_KEPT) this.#forgetOldest();
  }

  move(operationId: string, direction: 'undo' | 'redo'): void {
    const state = direction === 'undo' ? 'undone' : 'applied';
    this.#update(operationId, (operation) => ({ ...operation, state, effective: state }));
    this.redo = this.redo.filter((id) => id !== operationId);
    if (direction === 'undo') this.redo.push(operationId);
  }

  conflict(operationId: string): void {
    this.#update(operationId, (operation) => ({ ...operation, state: 'conflict' }));
  }

  /** Half a unit could not be undone as one. */
  #forgetOldest(): void {
    const [oldest] = this.operations;
    if (!oldest) return;
    const key = unitKey(oldest);
    const end = this.operations.findIndex((operation) => unitKey(operation) !== key);
    for (const { operationId, at } of this.operations.splice(0, end)) {
      this.#ids.delete(operationId);
      if (this.forgottenThrough === undefined || at > this.forgottenThrough) this.forgottenThrough = at;
    }
    this.#units--;
  }

  #update(operationId: string, change: (operation: Operation) => Operation): void {
    const at = this.operations.findLastIndex((operation) => operation.operationId === operationId);
    const operation = this.operations[at];
    if (operation) this.operations[at] = change(operation);
  }
}

const unitKey = ({ unitId, operationId }: Operation): string => unitId ?? operationId;

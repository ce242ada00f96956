import { movesOf, type OperationMove, type OperationRecord, type SparkEvent } from '../../events/event.js';
import { type Operation, SessionHistory } from './sessionHistory.js';

export interface LastChange {
  readonly operationId: string;
  readonly commandId: string;
  readonly sessionId: string;
  readonly actor: string | undefined;
  readonly timestamp: string;
}

const NONE = new SessionHistory();

/** The undo log as decisions need it: folded from events alone, so it says the same wherever and whenever it is asked. */
export class UndoLog {
  readonly #sessions = new Map<string, SessionHistory>();
  readonly #lastChanges = new Map<string, LastChange>();
  /** On whose behalf the commands run that have not ended: what a later conflict names. */
  readonly #actors = new Map<string, string>();

  /** By their keys, which commands have decided to make them: their ends are on the way here. */
  readonly #coming = new Map<string, string>();

  apply(event: SparkEvent): void {
    if (event.kind === 'noted') return;
    if (event.kind === 'started') {
      this.#actors.set(event.commandId, event.envelope.actor);
      return;
    }
    for (const move of movesOf(event)) {
      this.#coming.delete(comingKey(event.sessionId, move.operation.operationId));
      this.#move(move, event);
    }
    this.#actors.delete(event.commandId);
    if (event.kind === 'failed' && event.outcome === 'conflict' && event.operationId !== undefined)
      this.#sessions.get(event.sessionId)?.conflict(event.operationId);
  }

  /** The operations an undo is about, newest first: the named one or the newest that stands, with its unit; [] when there is none. */
  findUndo(sessionId: string, id?: string): readonly Operation[] {
    const history = this.#history(sessionId);
    const found =
      id === undefined
        ? history.operations.findLast(({ effective }) => effective === 'applied')
        : history.named(id);
    return found ? history.unitOf(found).toReversed() : [];
  }

  /** The operations a redo is about, oldest first: the named one or the one undone last, with its unit; a new operation clears these. */
  findRedo(sessionId: string, id?: string): readonly Operation[] {
    const history = this.#history(sessionId);
    const wanted = id ?? history.redo.at(-1);
    const found = wanted === undefined ? undefined : history.named(wanted);
    return found ? history.unitOf(found) : [];
  }

  /** One operation by its own id. */
  findOperation(sessionId: string, operationId: string | undefined): Operation | undefined {
    return operationId === undefined ? undefined : this.#history(sessionId).find(operationId);
  }

  /** Announces operations that the command's end will make, at the moment that is decided; the end itself takes it back. */
  announce(sessionId: string, operationIds: readonly string[], commandId: string): void {
    for (const id of operationIds) this.#coming.set(comingKey(sessionId, id), commandId);
  }

  /** Whether another command has announced this operation and its end is not here yet. */
  isComing(sessionId: string, operationId: string, commandId: string): boolean {
    const by = this.#coming.get(comingKey(sessionId, operationId));
    return by !== undefined && by !== commandId;
  }

  /** Every operation of a session that is kept, oldest first. */
  operationsOf(sessionId: string): readonly Operation[] {
    return this.#history(sessionId).operations;
  }

  /** When the newest operation was made that is not kept any more; undefined while all of them are. */
  forgottenThrough(sessionId: string): string | undefined {
    return this.#history(sessionId).forgottenThrough;
  }

  /** Whether a redo of this operation is still open. */
  canRedo(sessionId: string, operationId: string): boolean {
    return this.#history(sessionId).redo.includes(operationId);
  }

  /** Who changed a file last through SPARK: what a conflict names. */
  lastChange(editor: string, path: string): LastChange | undefined {
    return this.#lastChanges.get(keyOf({ editor, path }));
  }

  /** The newest operation of another session on the same file that was made between two of this one. */
  changesBetween(older: Operation, newer: Operation): Operation | undefined {
    const between = [...this.#sessions.values()].flatMap(({ operations }) =>
      operations.filter(
        ({ editor, path, sessionId, at }) =>
          sessionId !== newer.sessionId &&
          editor === newer.editor &&
          path === newer.path &&
          at >= older.at &&
          at <= newer.at,
      ),
    );
    return between.toSorted((a, b) => (a.at < b.at ? -1 : 1)).at(-1);
  }

  #history(sessionId: string): SessionHistory {
    return this.#sessions.get(sessionId) ?? NONE;
  }

  #move(
    { direction, operation }: OperationMove,
    event: Exclude<SparkEvent, { kind: 'started' | 'noted' }>,
  ): void {
    const { sessionId, commandId, timestamp } = event;
    // An import tells what happened elsewhere: it changed no file here.
    if (operation.madeAt === undefined)
      this.#lastChanges.set(keyOf(operation), {
        operationId: operation.operationId,
        commandId,
        sessionId,
        actor: this.#actors.get(commandId),
        timestamp,
      });
    if (direction === 'apply') {
      const history = this.#sessions.get(sessionId) ?? new SessionHistory();
      this.#sessions.set(sessionId, history);
      const at = operation.madeAt ?? timestamp;
      history.add({ sessionId, ...operation, at, state: 'applied', effective: 'applied' });
    } else this.#sessions.get(sessionId)?.move(operation.operationId, direction);
  }
}

const comingKey = (sessionId: string, operationId: string): string => `${sessionId}\0${operationId}`;

const keyOf = ({ editor, path }: Pick<OperationRecord, 'editor' | 'path'>): string => `${editor}\0${path}`;

import { movesOf, type TerminalEvent } from '../../src/events/event.js';
import type { History } from './history.js';

/** The operations of one session as the log tells them. */
class Standing {
  readonly editors = new Set<string>();
  /** In the order in which they were made; whether they stand. */
  readonly #operations = new Map<string, boolean>();
  /** What is made together is taken back together. */
  readonly #units = new Map<string, string>();

  get newest(): string | undefined {
    return [...this.#operations].findLast(([, stands]) => stands)?.[0];
  }

  unitOf(operationId: string): string {
    return this.#units.get(operationId) ?? operationId;
  }

  follow(event: TerminalEvent): void {
    for (const { direction, operation } of movesOf(event)) {
      const { operationId, unitId } = operation;
      this.#operations.set(operationId, direction !== 'undo');
      if (unitId !== undefined) this.#units.set(operationId, unitId);
    }
  }
}

/**
 * I8: an undo that names nothing is about the newest operation of its session that stands when it begins, by the order of the log,
 * whatever the clocks said. (A session with two editors has two owners, who hear of each other a little late: only those with one are
 * judged.)
 */
export function undoesTheNewest(history: History): string[] {
  const sessions = new Map<string, Standing>();
  const wanted = new Map<string, string>();
  const violations: string[] = [];
  for (const { event } of history.events) {
    const { sessionId, commandId } = event;
    const session = sessions.get(sessionId) ?? new Standing();
    sessions.set(sessionId, session);
    session.editors.add(event.editor);
    if (event.kind === 'noted') continue;
    if (event.kind === 'started') {
      const { newest } = session;
      if (isBareUndo(event.envelope) && newest !== undefined) wanted.set(commandId, newest);
      continue;
    }
    const newest = wanted.get(commandId);
    const taken = targetOf(event);
    const isTheNewest =
      newest === undefined || taken === undefined || session.unitOf(taken) === session.unitOf(newest);
    if (!isTheNewest && session.editors.size === 1)
      violations.push(`I8: undo ${commandId} was about ${taken}, the newest that stood was ${newest}`);
    session.follow(event);
  }
  return violations;
}

/** What was taken back, or could not be. */
function targetOf(event: TerminalEvent): string | undefined {
  if (event.kind === 'failed' && event.operationId !== undefined) return event.operationId;
  return movesOf(event).find(({ direction }) => direction === 'undo')?.operation.operationId;
}

const isBareUndo = ({ type, payload }: { readonly type: string; readonly payload: unknown }): boolean =>
  type === 'session.undo' && (payload as { operationId?: unknown } | null)?.operationId === undefined;

import type { EventError } from '../../events/event.js';
import { type Direction, imagesOf, type MovedTogether } from '../undo/decideUndo.js';
import type { Operation } from '../undo/sessionHistory.js';
import type { UndoLog } from '../undo/undoLog.js';

/** What several operations on one file come to, moved together. */
export interface FileGoal extends MovedTogether {
  /** From the oldest's before to the newest's after, under the id of the one that must be what lies there. */
  readonly operation: Operation;
}

export type Goals =
  | { readonly ok: true; readonly goals: readonly FileGoal[] }
  | { readonly ok: false; readonly error: EventError };

/**
 * One goal for each file. Every operation must have found what the one before it left: where it did not, somebody else's change lies
 * between, and moving both would take that back too. Order: undo ends with the file that came first, so that the folders it made are
 * empty by then; redo begins with it.
 */
export function goalsOf(operations: readonly Operation[], direction: Direction, undoLog: UndoLog): Goals {
  const chains = new Map<string, Operation[]>();
  for (const operation of direction === 'undo' ? operations.toReversed() : operations) {
    const key = `${operation.editor}\0${operation.path}`;
    const chain = chains.get(key) ?? [];
    const before = chain.at(-1);
    if (before && shaOf(before.after) !== shaOf(operation.before))
      return { ok: false, error: breakBetween(before, operation, undoLog) };
    chains.set(key, [...chain, operation]);
  }
  const goals = [...chains.values()].flatMap((chain) => goalOf(chain, direction) ?? []);
  return { ok: true, goals: direction === 'undo' ? goals.toReversed() : goals };
}

function goalOf(chain: readonly Operation[], direction: Direction): FileGoal | undefined {
  const oldest = chain[0];
  const newest = chain.at(-1);
  if (!oldest || !newest) return undefined;
  const folders = new Map(
    chain.flatMap(({ createdFolders = [] }) =>
      createdFolders.map((folder) => [folder.path, folder] as const),
    ),
  );
  const createdFolders = [...folders.values()].toSorted((a, b) => a.path.length - b.path.length);
  return {
    operation: {
      ...(direction === 'undo' ? newest : oldest),
      before: oldest.before,
      after: newest.after,
      ...(createdFolders.length > 0 ? { createdFolders } : {}),
    },
    operationIds: chain.map(({ operationId }) => operationId),
    moves: (direction === 'undo' ? chain.toReversed() : chain).map((one) => imagesOf(one, direction)),
  };
}

function breakBetween(older: Operation, newer: Operation, undoLog: UndoLog): EventError {
  const { path, editor } = newer;
  const later = undoLog.changesBetween(older, newer);
  return {
    code: 'conflict',
    message: `${path} was changed by somebody else between operations ${older.operationId} and ${newer.operationId}; undoing both would undo that too, and nothing was changed`,
    path,
    editor,
    operationId: newer.operationId,
    expectedSha256: shaOf(older.after),
    currentSha256: shaOf(newer.before),
    laterChange: later
      ? { operationId: later.operationId, sessionId: later.sessionId, at: later.at }
      : { by: 'outside SPARK' },
  };
}

const shaOf = (image: Operation['before']): string | null => image?.sha256 ?? null;

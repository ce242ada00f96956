import type { HistoryRecord } from '../../history.js';
import { timeOf } from '../operations.js';
import type { Invariant, Verdict, Violation } from '../violation.js';

type Tree = Extract<HistoryRecord, { kind: 'tree' }>;

/**
 * I8: who undoes everything finds the folder as it was: every byte, every `.meta`, every folder. Only walks that came to their end are
 * judged; the others are counted.
 */
export const undoRestoresTheTree: Invariant = {
  id: 'I8',
  title: 'undo of everything restores the tree, bytes and .meta',
  check({ history }): Verdict {
    const trees = history.filter((record): record is Tree => record.kind === 'tree');
    const before = new Map(
      trees.filter(({ moment }) => moment === 'before').map((tree) => [tree.walk, tree]),
    );
    const after = trees.filter(({ moment }) => moment === 'after');
    const done = after.filter(({ complete }) => complete);
    const open = before.size - done.length;
    return {
      checked: done.length,
      violations: done.flatMap((tree) => compare(before.get(tree.walk), tree)),
      ...(open > 0
        ? { notes: [`${open} of ${before.size} walks did not come to their end and were not judged`] }
        : {}),
    };
  },
};

function compare(before: Tree | undefined, after: Tree): Violation[] {
  const was = before?.files ?? {};
  const is = after.files;
  const gone = Object.keys(was).filter((path) => !(path in is));
  const left = Object.keys(is).filter((path) => !(path in was));
  const changed = Object.keys(was).filter((path) => path in is && is[path] !== was[path]);
  if (before && gone.length + left.length + changed.length === 0) return [];
  return [
    {
      invariant: 'I8',
      detail: before
        ? `walk ${after.walk}: ${after.under} of ${after.editor} is not what it was before everything was undone`
        : `walk ${after.walk} has no tree from before`,
      atMs: timeOf(after),
      evidence: { gone, left, changed },
    },
  ];
}

import type { Mutant } from '../mutant.js';

/** What is taken back. */
export const UNDOING: readonly Mutant[] = [
  {
    name: 'order-by-clock',
    why: 'The newest operation is the one with the latest timestamp: with clocks that differ or jump, another one is undone.',
    patches: [
      {
        file: 'src/workers/undo/undoLog.ts',
        find: "        ? history.operations.findLast(({ effective }) => effective === 'applied')",
        replace:
          "        ? history.operations\n            .toSorted((one, other) => (one.at < other.at ? -1 : 1))\n            .findLast(({ effective }) => effective === 'applied')",
      },
    ],
    caughtBy: 'simulation',
  },
  {
    name: 'undo-without-looking',
    why: 'An undo writes the old bytes whatever lies there: it overwrites what somebody else has done since.',
    patches: [
      {
        file: 'src/workers/undo/decideUndo.ts',
        find: '  if (sameBytes && !(metaMatters && from?.meta?.sha256 !== currentMetaSha256)) return undefined;',
        replace: "  if (sameBytes || metaMatters || currentMetaSha256 !== '') return undefined;",
      },
    ],
    caughtBy: {
      project: 'unit',
      file: 'test/workers/undoLog.test.ts',
      title: 'names the command that changed the file later',
    },
  },
];

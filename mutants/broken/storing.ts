import type { Mutant } from '../mutant.js';

/** What is stored, and in which order it is told. */
export const STORING: readonly Mutant[] = [
  {
    name: 'ack-before-finish',
    why: 'The delivery is acknowledged before its end is stored: a crash in between loses the command for ever.',
    patches: [
      {
        file: 'src/workers/ledger/settle.ts',
        find: "  deps.faultPoint('before_finish');\n",
        replace:
          "  if (task.origin.kind === 'stream') task.origin.item.settle();\n  deps.faultPoint('before_finish');\n",
      },
    ],
    caughtBy: 'simulation',
  },
  {
    name: 'append-without-expectation',
    why: 'Appends name no expected sequence: those of a zombie are stored beside those of its successor.',
    patches: [
      {
        file: 'src/streams/partitionLog.ts',
        find: '          expect: { lastSubjectSequence: this.#lastSeq },\n',
        replace: '',
      },
    ],
    caughtBy: 'simulation',
  },
];

import type { Mutant } from '../mutant.js';

const WRITE_BATCH = 'src/projections/writeBatch.ts';
const ADVANCE = 'await advanceCheckpoint(client, { ...step, name: step.checkpoint });\n';

/** What the projector writes: in SQL, which the simulation does not run. */
export const READ_MODELS: readonly Mutant[] = [
  {
    name: 'checkpoint-after-commit',
    why: 'The checkpoint moves after the transaction of what it stands for: a crash in between projects a batch twice.',
    patches: [
      { file: WRITE_BATCH, find: `    ${ADVANCE}`, replace: '' },
      {
        file: WRITE_BATCH,
        find: '    await writeSessions(client, sessionRows(batch.sessions, moves));\n  });\n',
        replace: `    await writeSessions(client, sessionRows(batch.sessions, moves));\n  });\n  ${ADVANCE}`,
      },
    ],
    caughtBy: {
      project: 'integration',
      file: 'test/projections/failures.int.test.ts',
      title:
        'given a checkpoint that cannot be written for a while, then nothing of its batch is there, and each event counts once',
    },
  },
  {
    name: 'checkpoint-without-compare',
    why: 'The checkpoint is set wherever it stands: of two projectors each counts the events of the other again.',
    patches: [
      {
        file: 'src/projections/checkpoint.ts',
        find: 'WHERE name = $1 AND last_seq = $2 AND stream_created = $5',
        replace: 'WHERE name = $1 AND $2::bigint IS NOT NULL AND stream_created = $5',
      },
    ],
    caughtBy: {
      project: 'integration',
      file: 'test/projections/failures.int.test.ts',
      title:
        'given a checkpoint that somebody moved, then the batch is rolled back and work begins again from there',
    },
  },
];

import type { Mutant } from '../mutant.js';

const WRITE_BATCH = 'src/projections/writeBatch.ts';
const ADVANCE = 'await advanceCheckpoint(client, { ...step, name: step.checkpoint });\n';
const WRITTEN = 'await inTransaction(client, () => applyBatch(client, tables, step, batch, deadLetters));\n';

/** What the projector writes: in SQL, which the simulation does not run. */
export const READ_MODELS: readonly Mutant[] = [
  {
    name: 'checkpoint-after-commit',
    why: 'The checkpoint moves after the transaction of what it stands for: a crash in between projects a batch twice.',
    patches: [
      {
        file: WRITE_BATCH,
        find: `const slotsVersion = ${ADVANCE}`,
        replace: 'const slotsVersion = tables.version;\n',
      },
      { file: WRITE_BATCH, find: `  ${WRITTEN}`, replace: `  ${WRITTEN}  ${ADVANCE}` },
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
  {
    name: 'flip-not-noticed',
    why: 'A projector that is at work when read models are flipped goes on writing where they were: the live ones miss its events.',
    patches: [
      {
        file: WRITE_BATCH,
        find: 'tables.version !== slotsVersion)',
        replace: 'tables.version > slotsVersion)',
      },
    ],
    caughtBy: {
      project: 'integration',
      file: 'test/projections/slots/flip.int.test.ts',
      title:
        'given flips in between, then every event is in the live slot once, images too, and the old slot stands still',
    },
  },
];

import { defineConfig } from 'vitest/config';

/** Tests that need real servers: anywhere by name (`*.int.test.ts`), or by folder. */
const INTEGRATION = ['test/integration/**/*.test.ts', 'test/**/*.int.test.ts'];
/** Tests that start servers or whole SPARKs of their own. */
const E2E = ['test/e2e/**/*.test.ts', 'test/chaos/**/*.test.ts', 'test/embedded/*.test.ts'];
/** Of those the ones that mostly wait and promise no times: two at once have the processor that one alone would leave idle. */
const E2E_PAIRS = [
  'assets',
  'builds',
  'bytes',
  'callTool',
  'cli',
  'crashPoints',
  'deadLetters',
  'editors',
  'firstContact',
  'gateProcess',
  'idempotency',
  'liveReads',
  'metrics',
  'ownServices',
  'permissions',
  'postgresAway',
  'presets',
  'previews',
  'readme',
  'refusals',
  'replySubjects',
  'rollback',
  'rollbackMeta',
  'services',
  'sql',
  'undo',
  'unityFaults',
  'usage',
].map((name) => `test/e2e/${name}.test.ts`);

/**
 * Kinds of test, one after the other so that none steals the other's processor: `unit` needs nothing but Node and runs in parallel;
 * `integration` shares one Postgres cluster and one nats-server a run (test/support/globalSetup.ts); `e2e` starts servers and whole
 * SPARKs of its own, one file after the other, `e2e-pairs` two files at once. Two workers at most: the tests must pass on a two-core
 * machine without lying about time.
 */
export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...INTEGRATION, ...E2E, 'node_modules/**'],
          testTimeout: 10_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          include: INTEGRATION,
          globalSetup: ['test/support/globalSetup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e-pairs',
          include: E2E_PAIRS,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: E2E,
          exclude: [...E2E_PAIRS, 'node_modules/**'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});

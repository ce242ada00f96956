import { defineConfig } from 'vitest/config';

/** Tests that need real servers: anywhere by name (`*.int.test.ts`), or by folder. */
const INTEGRATION = ['test/integration/**/*.test.ts', 'test/**/*.int.test.ts'];
/** Tests that start servers or whole SPARKs of their own. */
const E2E = ['test/e2e/**/*.test.ts', 'test/chaos/**/*.test.ts', 'test/embedded/*.test.ts'];

/**
 * Three kinds of test, one after the other so that none steals the other's processor: `unit` needs nothing but Node and runs
 * in parallel; `integration` shares one Postgres cluster and one nats-server a run (test/support/globalSetup.ts); `e2e` starts
 * servers and whole SPARKs of its own. Two workers at most: the tests must pass on a two-core machine without lying about time.
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
          name: 'e2e',
          include: E2E,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

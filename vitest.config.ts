import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longestFirst.js';

/** Tests that need real servers: anywhere by name (`*.int.test.ts`), or by folder. */
const INTEGRATION = ['test/integration/**/*.test.ts', 'test/**/*.int.test.ts'];
/** Of those the ones that do something to the servers they share with the others: pause the standby, migrate (roles belong to all databases), use the one nats-server. */
const INTEGRATION_ALONE = [
  'test/integration/streams.int.test.ts',
  'test/integration/topology.int.test.ts',
  'test/postgres/migrate.int.test.ts',
  'test/projections/freshness.int.test.ts',
  'test/projections/slots/migration.int.test.ts',
];
/** Tests that start servers or whole SPARKs of their own. */
const E2E = ['test/e2e/**/*.test.ts', 'test/chaos/**/*.test.ts', 'test/embedded/*.test.ts'];

const NOT_OURS = 'node_modules/**';
/** What a test waits for and does not get in this time has not merely come late on a busy machine. */
const POLL = { poll: { timeout: 30_000 } };

/**
 * Kinds of test, one after the other: `unit` needs nothing but Node; `integration` shares one Postgres cluster and one nats-server a run
 * (test/support/globalSetup.ts), with a database for each file; `e2e` starts servers and whole SPARKs of its own. Those two mostly wait, so
 * three files at once have the processor that one alone would leave idle. No test may judge by the time that something takes.
 */
export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ['default'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...INTEGRATION, ...E2E, NOT_OURS],
          testTimeout: 10_000,
          expect: { poll: { timeout: 8_000 } },
          maxWorkers: 2,
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          include: INTEGRATION,
          exclude: [...INTEGRATION_ALONE, NOT_OURS],
          globalSetup: ['test/support/globalSetup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: POLL,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'integration-alone',
          include: INTEGRATION_ALONE,
          globalSetup: ['test/support/globalSetup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: POLL,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: E2E,
          testTimeout: 240_000,
          hookTimeout: 240_000,
          expect: POLL,
          maxWorkers: 3,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});

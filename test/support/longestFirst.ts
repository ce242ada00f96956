import { basename } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take 20 s and more, in seconds on two cores: begun last they would be waited for alone. */
const SECONDS: Readonly<Record<string, number>> = {
  'crashPoints.test.ts': 75,
  'builds.test.ts': 68,
  'isolation.test.ts': 61,
  'standbyRepairs.test.ts': 55,
  'cluster.test.ts': 50,
  'byAge.int.test.ts': 49,
  'unityFaults.test.ts': 41,
  'limits.test.ts': 36,
  'postgresAway.test.ts': 35,
  'killAll.test.ts': 34,
  'assets.test.ts': 31,
  'smoke.test.ts': 28,
  'lifecycle.test.ts': 28,
  'backpressure.test.ts': 27,
  'prometheus.test.ts': 26,
  'cli.test.ts': 25,
  'readRouter.int.test.ts': 25,
  'rollback.test.ts': 25,
  'replicaAway.test.ts': 23,
  'postgresPair.test.ts': 23,
  'twoProjectors.test.ts': 22,
  'presets.test.ts': 21,
  'readers.int.test.ts': 20,
};

/** Vitest's order of test files, but in a fresh checkout too the ones that take longest come first in their group. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const groupOf = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;
    const secondsOf = ({ moduleId }: TestSpecification): number => SECONDS[basename(moduleId)] ?? 0;
    return (await super.sort(files)).sort(
      (one, other) => groupOf(one) - groupOf(other) || secondsOf(other) - secondsOf(one),
    );
  }
}

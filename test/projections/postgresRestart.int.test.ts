import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { digestReadModels } from '../../src/projections/digest.js';
import { endOfMessage } from '../../src/projections/logPosition.js';
import { createSeqWaiter } from '../../src/projections/seqWaiter.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { startTestCluster } from '../support/postgresCluster.js';
import { projectorRig, type Rig } from '../support/projectorRig.js';
import { command, completed, started } from '../support/story.js';

/** A cluster of its own, since it is killed. */
let own: Awaited<ReturnType<typeof startTestCluster>>;
let db: TestDatabase;
let rig: Rig;

beforeAll(async () => {
  own = await startTestCluster();
  db = await createTestDatabase({ cluster: own.cluster });
  rig = projectorRig(db.pool('spark_projector'));
  await rig.projector.start();
});

afterAll(async () => {
  await rig.projector.stop();
  await db.drop();
  await own.stop();
});

function appendLives(n: number): void {
  for (let i = 0; i < n; i++) {
    const story = command({ sessionId: `session-${i % 3}` });
    rig.log.append([started(story)]);
    rig.log.append([completed(story)]);
  }
}

async function counts(): Promise<unknown> {
  const { rows } = await db.admin.query(
    `SELECT count(*)::int AS events, (SELECT sum(completed)::int FROM spark.spark_sessions) AS completed FROM spark.spark_events`,
  );
  return rows[0];
}

describe('Postgres', () => {
  it('given a stop in the middle and a start later, then what was appended meanwhile is projected once', async () => {
    appendLives(100);
    await own.pair.primary.stop();
    appendLives(100);
    await expect.poll(() => rig.projector.state, { timeout: 20_000 }).toBe('retrying');
    await own.pair.primary.start();
    await rig.caughtUp();
    expect(await counts()).toEqual({ events: 400, completed: 200 });
  });

  it('given kill -9 in the middle, then nothing is lost, nothing counts twice, and the standby shows the same', async () => {
    appendLives(150);
    const { pid } = own.pair.primary;
    expect(pid).toBeGreaterThan(1);
    process.kill(Number(pid), 'SIGKILL');
    appendLives(50);
    await own.pair.primary.stop();
    await own.pair.primary.start();
    await rig.caughtUp();
    expect(await counts()).toEqual({ events: 800, completed: 400 });
    const replica = db.pool('spark_ingest', 'replica');
    const waiter = createSeqWaiter(replica, systemClock);
    expect(await waiter.waitForSeq(endOfMessage(rig.log.stream.lastSeq), 30_000)).toBe(true);
    expect(await digestReadModels(replica)).toEqual(await digestReadModels(db.admin));
  });
});

import { systemClock } from '../../src/core/clock.js';
import { rebuild } from '../../src/projections/rebuild/rebuild.js';
import { createTestDatabase, type TestDatabase } from './postgres.js';
import { projectorRig, type Rig } from './projectorRig.js';

/** A database of its own and a projector at work on it. */
export interface ProjectedRig extends Rig {
  readonly db: TestDatabase;
  /** Makes every read model anew from the log and switches over, with the projector stopped before. */
  rebuild(): Promise<void>;
  stop(): Promise<void>;
}

export async function projectedRig(): Promise<ProjectedRig> {
  const db = await createTestDatabase();
  const rig = projectorRig(db.pool('spark_projector'));
  await rig.projector.start();
  return {
    ...rig,
    db,
    rebuild: async () => {
      await rig.projector.stop();
      await rebuild({
        ...{ pool: db.pool('spark_projector'), logSource: rig.log, imageSource: rig.images },
        ...{ clock: systemClock, signal: new AbortController().signal, settleMs: 0 },
      });
    },
    stop: async () => {
      await rig.projector.stop();
      await db.drop();
    },
  };
}

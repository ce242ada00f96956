import type pg from 'pg';
import { systemClock } from '../../src/core/clock.js';
import { createPool } from '../../src/postgres/pools.js';
import { digestReadModels, type TableDigest } from '../../src/projections/digest.js';
import type { RebuildOptions } from '../../src/projections/rebuild/options.js';
import { BusyLog } from './busyLog.js';
import { MemoryImages, MemoryLog } from './memoryLog.js';
import { createTestDatabase, type TestDatabase } from './postgres.js';
import { projectorRig, type Rig } from './projectorRig.js';

/** A database whose read models are projected from a busy log, and what a rebuild of them needs. */
export interface RebuildRig {
  readonly db: TestDatabase;
  readonly log: MemoryLog;
  readonly busy: BusyLog;
  readonly live: Rig;
  /** A pool of its own whose connections are called so. */
  rebuildPool(applicationName: string): pg.Pool;
  options(over?: Partial<RebuildOptions>): RebuildOptions;
  digest(server?: 'primary' | 'replica'): Promise<TableDigest[]>;
  stop(): Promise<void>;
}

export async function rebuildRig(beginMs: number): Promise<RebuildRig> {
  const db = await createTestDatabase();
  const log = new MemoryLog();
  const images = new MemoryImages();
  const live = projectorRig(db.pool('spark_projector'), { log, images });
  const pool = db.pool('spark_projector');
  const pools: pg.Pool[] = [];
  return {
    ...{ db, log, live },
    busy: new BusyLog(log, images, beginMs),
    rebuildPool: (applicationName) => {
      const own = createPool({ url: db.urlFor('spark_projector'), applicationName });
      pools.push(own);
      return own;
    },
    options: (over = {}) => ({
      ...{ pool, logSource: log, imageSource: images, clock: systemClock },
      signal: new AbortController().signal,
      settleMs: 0,
      ...over,
    }),
    digest: (server = 'primary') => digestReadModels(db.pool('spark_ingest', server)),
    stop: async () => {
      await live.projector.stop();
      await Promise.all(pools.map((each) => each.end()));
      await db.drop();
    },
  };
}

import { systemClock } from '../../src/core/clock.js';
import { createPool } from '../../src/postgres/pools.js';
import { READ_MODELS } from '../../src/projections/readModels.js';
import { rebuild } from '../../src/projections/rebuild/rebuild.js';
import { readTables } from '../../src/projections/slots/readTables.js';
import { createLogSource } from '../../src/streams/logReader.js';
import type { BenchNats, BenchPostgres } from './servers.js';
import { storyImages } from './storyLog.js';

export interface Rebuilt {
  readonly events: number;
  /** From the first event to the flip. Waiting until nobody reads the slot that is emptied is not in it. */
  readonly ms: number;
}

/** `spark rebuild all`, in this process. */
export async function rebuildAll(
  postgres: BenchPostgres,
  nats: BenchNats,
  over: { readonly settleMs?: number } = {},
): Promise<Rebuilt> {
  const pool = createPool({
    url: postgres.urlOf('spark_projector', 'primary'),
    applicationName: 'bench-rebuild',
    maxConnections: 8,
    statementTimeoutMs: 0,
  });
  const nc = await nats.connect('projector');
  try {
    const { events, durationMs, flipped, poisoned } = await rebuild({
      ...over,
      pool,
      logSource: await createLogSource(nc),
      imageSource: storyImages,
      clock: systemClock,
      signal: new AbortController().signal,
    });
    if (poisoned > 0) throw new Error(`${poisoned} events could not be projected`);
    if (flipped.length !== READ_MODELS.length)
      throw new Error(`only ${flipped.length} read models were flipped`);
    return { events, ms: durationMs };
  } finally {
    await Promise.all([pool.end(), nc.close()]);
  }
}

/** The qualified names of the tables that readers see now. */
export async function liveTables(postgres: BenchPostgres): Promise<string[]> {
  const pool = createPool({ url: postgres.adminUrl, applicationName: 'bench', maxConnections: 1 });
  try {
    const tables = await readTables(pool);
    return READ_MODELS.map(({ table }) => tables.of(table));
  } finally {
    await pool.end();
  }
}

import { systemClock } from '../../src/core/clock.js';
import { createPool } from '../../src/postgres/pools.js';
import { READ_MODELS } from '../../src/projections/readModels.js';
import type { RebuildProgress } from '../../src/projections/rebuild/meter.js';
import { rebuild } from '../../src/projections/rebuild/rebuild.js';
import { readTables } from '../../src/projections/slots/readTables.js';
import { createLogSource } from '../../src/streams/logReader.js';
import { progress } from '../support/progress.js';
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
      onProgress: teller(),
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

const TELL_EVERY_MS = 5_000;

/** Says each phase when it begins, and every few seconds how far it is. */
function teller(): (now: RebuildProgress) => void {
  let phase = '';
  let nextMs = 0;
  return (now) => {
    if (now.phase === phase && performance.now() < nextMs) return;
    phase = now.phase;
    nextMs = performance.now() + TELL_EVERY_MS;
    progress(`rebuild: ${phase}, ${Math.round(now.percent)} %, ${Math.round(now.eventsPerS)} events/s`);
  };
}

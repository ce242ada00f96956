import type { Config } from '../config.js';
import { systemClock } from '../core/clock.js';
import { SparkError } from '../core/errors.js';
import { openHome } from '../embedded/home.js';
import { migrate } from '../postgres/migrate.js';
import { createPool } from '../postgres/pools.js';
import { rebuild } from '../projections/rebuild.js';
import type { Parts } from '../roles/parts.js';
import { connectRole } from '../streams/connection.js';
import { createImageStore } from '../streams/imageStore.js';
import { createLogSource } from '../streams/logReader.js';
import type { Voice } from './banner.js';
import { startParts } from './embeddedParts.js';
import { createTelling } from './telling.js';

export class PartialRebuildError extends SparkError {
  readonly code = 'partial_rebuild';
}

/**
 * Empties the read models and folds the whole log again. The home must not be running (its projector would be in the way); its
 * embedded servers are started for the time of the rebuild.
 */
export async function rebuildReadModels(
  config: Config,
  voice: Voice,
  { json, readModels }: { readonly json: boolean; readonly readModels: readonly string[] },
): Promise<number> {
  if (readModels.length > 0 && readModels.join() !== 'all')
    throw new PartialRebuildError('read models are rebuilt together: name none, or "all"');
  const { logger } = createTelling(config, json);
  const home = await openHome({ dir: config.SPARK_HOME, fresh: false });
  try {
    const parts = await startParts({
      config: { ...config, UNITY_MCP_URL: config.UNITY_MCP_URL ?? 'http://127.0.0.1:9/mcp' },
      home,
      httpPort: 1,
      progress: (message) => voice.say(`  … ${message}`),
      warn: (message) => logger.warn({}, message),
      changed: () => undefined,
    });
    try {
      await run(parts, voice);
    } finally {
      await parts.stop();
    }
    return 0;
  } finally {
    home.release();
  }
}

async function run(parts: Parts, voice: Voice): Promise<void> {
  await migrate({
    adminUrl: parts.postgres.adminUrl,
    dir: new URL('../../migrations/', import.meta.url).pathname,
  });
  const nc = await connectRole('projector', parts.nats.url, parts.nats.credentials('projector'));
  const pool = createPool({
    url: parts.postgres.adminUrl,
    applicationName: 'spark-rebuild',
    statementTimeoutMs: 0,
  });
  const abort = new AbortController();
  let toldMs = systemClock.monotonicMs();
  try {
    const result = await rebuild({
      pool,
      logSource: await createLogSource(nc),
      imageSource: await createImageStore(nc, systemClock, abort.signal),
      clock: systemClock,
      signal: abort.signal,
      onProgress: ({ streamSeq, untilStreamSeq, events }) => {
        if (systemClock.monotonicMs() - toldMs < 1_000) return;
        toldMs = systemClock.monotonicMs();
        voice.say(`  … ${events} events, ${Math.floor((100 * streamSeq) / untilStreamSeq)} % of the log`);
      },
    });
    voice.say(
      `rebuilt every read model from ${result.events} events in ${(result.durationMs / 1_000).toFixed(1)} s`,
    );
  } finally {
    abort.abort();
    await pool.end();
    await nc.close();
  }
}

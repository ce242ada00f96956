import { hostname } from 'node:os';
import type { Config } from '../config.js';
import { systemClock } from '../core/clock.js';
import { createPool } from '../postgres/pools.js';
import { READ_MODELS } from '../projections/readModels.js';
import type { RebuildProgress } from '../projections/rebuild/meter.js';
import type { RebuildOptions, RebuildResult } from '../projections/rebuild/options.js';
import { REBUILD_APPLICATION } from '../projections/rebuild/place.js';
import { rebuild } from '../projections/rebuild/rebuild.js';
import { rollBack } from '../projections/rebuild/rollback.js';
import { dropTimeTravel, type TimeTravelResult, timeTravel } from '../projections/rebuild/timeTravel.js';
import { parseUntil } from '../projections/rebuild/until.js';
import { connectRole } from '../streams/connection.js';
import { createImageStore } from '../streams/imageStore.js';
import { createLogSource } from '../streams/logReader.js';
import { sparkVersion } from '../version.js';
import type { Voice } from './banner.js';
import { openRebuildServers, type RebuildServers } from './rebuildServers.js';
import { firstSignal } from './signals.js';
import { createTelling, EXIT, setForcedExit } from './telling.js';

/** As the command line gives them: src/cli/host.ts. */
export interface RebuildRequest {
  readonly json: boolean;
  readonly readModels: readonly string[];
  readonly until: string | undefined;
  readonly schema: string | undefined;
  readonly dropSchema: string | undefined;
  readonly rollback: boolean;
  readonly anew: boolean;
  readonly acceptLoss: boolean;
  readonly onProgress: (progress: RebuildProgress) => void;
  readonly onEnd: () => void;
}

const INTERRUPTED = 130;
/** Control, fold, rows, images, and one to spare. */
const CONNECTIONS = 6;

/**
 * `spark rebuild`: beside a running home, with the servers of one that does not run, or on servers that URLs name. A signal ends it, and
 * readers keep what they have. Resolves with the exit code.
 */
export async function rebuildReadModels(
  config: Config,
  voice: Voice,
  request: RebuildRequest,
): Promise<number> {
  const { logger } = createTelling(config, request.json);
  // What is wrong with the request is told before a server is started for it.
  if (request.until !== undefined) parseUntil(request.until);
  const abort = new AbortController();
  void firstSignal(systemClock, () => voice.say('forced')).then(() => {
    abort.abort();
    setForcedExit(voice);
  });
  const servers = await openRebuildServers(config, voice, (message) => logger.warn({}, message));
  const told = { done: false };
  try {
    await work(servers, voice, request, abort.signal, told);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    request.onEnd();
    await servers.stop();
  }
  if (told.done) return EXIT.ok;
  voice.say(
    'interrupted: readers see what they saw before. Run it again to go on (--anew: from the beginning)',
  );
  return INTERRUPTED;
}

async function work(
  { parts, alone }: RebuildServers,
  voice: Voice,
  request: RebuildRequest,
  signal: AbortSignal,
  told: { done: boolean },
): Promise<void> {
  const nc = await connectRole('projector', parts.nats.url, parts.nats.credentials('projector'));
  const pool = createPool({
    url: parts.postgres.urlOf('spark_projector', 'primary'),
    applicationName: `${REBUILD_APPLICATION} ${process.pid}@${hostname()}`.slice(0, 63),
    maxConnections: CONNECTIONS,
    statementTimeoutMs: 60_000,
  });
  const abort = new AbortController();
  try {
    const options: RebuildOptions = {
      pool,
      logSource: await createLogSource(nc),
      imageSource: await createImageStore(nc, systemClock, abort.signal),
      clock: systemClock,
      signal,
      names: request.readModels,
      build: sparkVersion(),
      anew: request.anew,
      acceptLoss: request.acceptLoss,
      // No reader has to end first.
      ...(alone ? { settleMs: 0 } : {}),
      onProgress: request.onProgress,
      onFlipped: () => {
        told.done = true;
        if (!request.json && !alone) voice.say('switched over; readers of before may end …');
      },
    };
    await dispatch(options, voice, request);
    told.done = true;
  } finally {
    abort.abort();
    await pool.end();
    await nc.close();
  }
}

async function dispatch(options: RebuildOptions, voice: Voice, request: RebuildRequest): Promise<void> {
  if (request.dropSchema !== undefined) {
    await dropTimeTravel(options.pool, request.dropSchema);
    tell(voice, request, { dropped: request.dropSchema }, () => [`dropped the schema ${request.dropSchema}`]);
    return;
  }
  if (request.until !== undefined) {
    const schema = request.schema === undefined ? {} : { schema: request.schema };
    const result = await timeTravel({ ...options, ...schema, until: parseUntil(request.until) });
    tell(voice, request, { timeTravel: result }, () => timeTravelText(result));
    return;
  }
  const result = await (request.rollback ? rollBack(options) : rebuild(options));
  tell(voice, request, request.rollback ? { rolledBack: result } : { rebuilt: result }, () =>
    rebuildText(result, request.rollback),
  );
}

function tell(voice: Voice, request: RebuildRequest, document: object, text: () => readonly string[]): void {
  request.onEnd();
  if (request.json) process.stdout.write(`${JSON.stringify(document)}\n`);
  else for (const line of text()) voice.say(line);
}

function rebuildText(result: RebuildResult, rollback: boolean): string[] {
  const { flipped, events, durationMs, untilSeq, poisoned, imagesMissing, resumed } = result;
  const what = flipped.length === READ_MODELS.length ? 'every read model' : flipped.join(', ');
  const rate = durationMs > 0 ? `, ${Math.round((events * 1_000) / durationMs)} events/s` : '';
  const lines = [
    `${rollback ? 'rolled back' : 'rebuilt'} ${what} from ${events} events in ${(durationMs / 1_000).toFixed(1)} s${rate}, up to seq ${untilSeq}`,
  ];
  if (resumed) lines.push('  it went on where an interrupted rebuild had stopped');
  if (poisoned > 0)
    lines.push(`  ${poisoned} could not be projected: see spark_dead_letters, source 'projector'`);
  if (imagesMissing > 0)
    lines.push(`  ${imagesMissing} images that events name are in no store: undo of theirs cannot work`);
  if (!rollback) lines.push('  what was shown before is kept: spark rebuild --rollback goes back to it');
  return lines;
}

function timeTravelText({ schema, untilSeq, events, durationMs }: TimeTravelResult): string[] {
  return [
    `folded ${events} events up to seq ${untilSeq} into the schema ${schema} in ${(durationMs / 1_000).toFixed(1)} s`,
    `  ask it as spark_dashboard_ro: SET search_path = ${schema}; SELECT * FROM spark_sessions;`,
    `  and take it away again: spark rebuild --drop-schema ${schema}`,
  ];
}

import type { Config } from '../config.js';
import { systemClock } from '../core/clock.js';
import { createLogger, type Logger } from '../observability/logger.js';
import { createMetrics, type Metrics } from '../observability/metrics.js';
import { sparkVersion } from '../version.js';
import type { Voice } from './banner.js';

/** What a process tells of itself: logs, metrics, version. */
export interface Telling {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly version: string;
}

export function createTelling(config: Config, json: boolean): Telling {
  const pretty = !json && process.stderr.isTTY === true;
  const logger = createLogger({
    level: config.SPARK_LOG_LEVEL,
    pretty,
    color: pretty,
    fields: json ? { service: 'spark' } : {},
  });
  return { logger, metrics: createMetrics({ processMetrics: true }), version: sparkVersion() };
}

export const EXIT = { ok: 0, failed: 1, usage: 2, inUse: 5 } as const;

/** A stop that takes longer than this is cut: the daemons' watchers clean up, and the next start finishes what was open. */
const STOP_LIMIT_MS = 15_000;

/** Ends the process when a stop hangs; call the returned function when it did not. */
export function setForcedExit(voice: Voice): () => void {
  const done = new AbortController();
  systemClock.sleep(STOP_LIMIT_MS, done.signal).then(
    () => {
      voice.say(
        `not stopped after ${STOP_LIMIT_MS / 1_000} s: leaving; the next start finishes what was open`,
      );
      process.exit(EXIT.failed);
    },
    () => undefined,
  );
  return () => done.abort();
}

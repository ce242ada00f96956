import type pg from 'pg';
import { type Clock, pause } from '../core/clock.js';
import type { Service } from '../core/service.js';
import { LOG_CHECKPOINT } from './checkpoint.js';
import { endOfMessage } from './logPosition.js';

const EVERY_MS = 1_000;

export interface HeartbeatOptions {
  /** As `spark_projector`. */
  readonly pool: pg.Pool;
  readonly clock: Clock;
  /** Where the log ends now. */
  readonly logEnd: () => Promise<{ readonly streamSeq: number }>;
  /** The first failure in a row. */
  readonly onError: (error: unknown) => void;
}

/**
 * Writes down, every second, where the log ended when it was asked: by that the standby knows whether it shows everything or has only
 * nothing new to show. Several processes may do it; the newest word counts. Start and stop are idempotent.
 */
export function createHeartbeat(options: HeartbeatOptions): Service {
  let stop: AbortController | undefined;
  let running: Promise<void> | undefined;
  return {
    name: 'heartbeat',
    start: () => {
      if (running === undefined) {
        stop = new AbortController();
        running = beat(options, stop.signal);
      }
      return Promise.resolve();
    },
    stop: async () => {
      stop?.abort();
      await running;
      running = undefined;
    },
  };
}

async function beat({ pool, clock, logEnd, onError }: HeartbeatOptions, signal: AbortSignal): Promise<void> {
  let failing = false;
  while (!signal.aborted) {
    try {
      // Before the question: what is appended while it is on its way belongs to the next one.
      const askedAtMs = clock.nowMs();
      const { streamSeq } = await logEnd();
      await writeHeartbeat(pool, askedAtMs, streamSeq === 0 ? 0 : endOfMessage(streamSeq));
      failing = false;
    } catch (error) {
      if (!failing && !signal.aborted) onError(error);
      failing = true;
    }
    await pause(clock, EVERY_MS, signal);
  }
}

/** The log ended at `logSeq` at that moment; an older word than the one that is there changes nothing. */
export async function writeHeartbeat(
  db: Pick<pg.Pool, 'query'>,
  askedAtMs: number,
  logSeq: number,
): Promise<void> {
  await db.query({
    name: 'heartbeat',
    text: `INSERT INTO spark.heartbeats AS beat (name, asked_at, log_seq) VALUES ($1, to_timestamp($2::float8 / 1000), $3)
           ON CONFLICT (name) DO UPDATE SET asked_at = excluded.asked_at, log_seq = excluded.log_seq
           WHERE beat.asked_at < excluded.asked_at`,
    values: [LOG_CHECKPOINT, askedAtMs, logSeq],
  });
}

import type pg from 'pg';
import { systemClock } from '../../src/core/clock.js';
import { endOfMessage } from '../../src/projections/logPosition.js';
import { createProjector, type Projector, type ProjectorOptions } from '../../src/projections/projector.js';
import type { BatchStats } from '../../src/projections/projectorOptions.js';
import { MemoryImages, MemoryLog } from './memoryLog.js';

/** A projector over a log in memory, which tells when it has come to a place. */
export interface Rig {
  readonly log: MemoryLog;
  readonly images: MemoryImages;
  readonly projector: Projector;
  readonly batches: BatchStats[];
  readonly errors: unknown[];
  readonly fatal: unknown[];
  /** Resolves when everything appended so far is projected. */
  caughtUp(): Promise<void>;
}

export function projectorRig(
  pool: pg.Pool,
  over: Partial<ProjectorOptions> & { log?: MemoryLog; images?: MemoryImages } = {},
): Rig {
  const { log = new MemoryLog(), images = new MemoryImages(), ...options } = over;
  const batches: BatchStats[] = [];
  const errors: unknown[] = [];
  const fatal: unknown[] = [];
  let waiting: { seq: number; resolve: () => void; reject: (error: unknown) => void }[] = [];
  const projector = createProjector({
    pool,
    logSource: log,
    imageSource: images,
    clock: systemClock,
    onError: (error) => errors.push(error),
    onFatal: (error) => {
      fatal.push(error);
      for (const waiter of waiting) waiter.reject(error);
    },
    ...options,
    onBatch: (stats) => {
      batches.push(stats);
      waiting = waiting.filter((waiter) => {
        if (waiter.seq > stats.lastSeq) return true;
        waiter.resolve();
        return false;
      });
    },
  });
  return {
    log,
    images,
    projector,
    batches,
    errors,
    fatal,
    caughtUp: () =>
      new Promise((resolve, reject) => {
        const seq = endOfMessage(log.stream.lastSeq);
        if ((batches.at(-1)?.lastSeq ?? 0) >= seq) resolve();
        else waiting.push({ seq, resolve, reject });
      }),
  };
}

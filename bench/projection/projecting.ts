import { systemClock } from '../../src/core/clock.js';
import { createPool } from '../../src/postgres/pools.js';
import { endOfMessage } from '../../src/projections/logPosition.js';
import { createProjector } from '../../src/projections/projector.js';
import type { NatsConnection } from '../../src/streams/connection.js';
import { createLogSource } from '../../src/streams/logReader.js';
import type { BenchPostgres } from './servers.js';
import { storyImages } from './storyLog.js';

/** A projector at work in this process. */
export interface Projecting {
  /** Resolves when the log is projected up to this message; rejects when the projector fails. */
  upTo(streamSeq: number): Promise<void>;
  stop(): Promise<void>;
}

/** The live projector, as its role runs it, over the real log. */
export async function project(postgres: BenchPostgres, nats: NatsConnection): Promise<Projecting> {
  const pool = createPool({
    url: postgres.urlOf('spark_projector', 'primary'),
    applicationName: 'bench-projector',
    maxConnections: 6,
    statementTimeoutMs: 60_000,
  });
  let lastSeq = 0;
  let failure: unknown;
  let changed: () => void = () => undefined;
  const fail = (error: unknown): void => {
    failure = error;
    changed();
  };
  const projector = createProjector({
    pool,
    logSource: await createLogSource(nats),
    imageSource: storyImages,
    clock: systemClock,
    onBatch: (stats) => {
      lastSeq = stats.lastSeq;
      changed();
    },
    onError: fail,
    onFatal: fail,
  });
  await projector.start();
  return {
    upTo: async (streamSeq) => {
      while (lastSeq < endOfMessage(streamSeq)) {
        if (failure !== undefined) throw failure;
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
      }
    },
    stop: async () => {
      await projector.stop();
      await pool.end();
    },
  };
}

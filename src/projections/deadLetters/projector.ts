import type pg from 'pg';
import type { Clock } from '../../core/clock.js';
import type { Service } from '../../core/service.js';
import { transaction } from '../../postgres/transaction.js';
import { advanceCheckpoint, DEAD_LETTER_CHECKPOINT, openCheckpoint } from '../checkpoint.js';
import { FlushPace } from '../flushPace.js';
import { Intake } from '../intake.js';
import { PersistentService, type ServiceState } from '../persistentService.js';
import type { DeadLetterSource } from '../ports.js';
import { type StreamDeadLetter, writeStreamDeadLetters } from './write.js';

const INTAKE_LIMITS = { flushWeight: 200, maxWeight: 400, maxBytes: 16 * 1_024 * 1_024 };
const CURE = "delete the row 'dead_letters' of spark.checkpoints and the rows of spark.spark_dead_letters.";

export interface DeadLetterProjectorOptions {
  /** As `spark_projector`. */
  readonly pool: pg.Pool;
  readonly source: DeadLetterSource;
  readonly clock: Clock;
  readonly onBatch?: (stats: { readonly letters: number; readonly lastSeq: number }) => void;
  readonly onError: (error: unknown) => void;
  readonly onFatal: (error: unknown) => void;
}

/** Copies the dead-letter stream into `spark_dead_letters`, each once, with a checkpoint of its own. */
export function createDeadLetterProjector(
  options: DeadLetterProjectorOptions,
): Service & { readonly state: ServiceState } {
  return new PersistentService({
    name: 'dead-letter-projector',
    clock: options.clock,
    onError: options.onError,
    onFatal: options.onFatal,
    session: (signal, tell) => project(options, signal, () => tell('working')),
  });
}

async function project(
  { pool, source, clock, onBatch }: DeadLetterProjectorOptions,
  signal: AbortSignal,
  onWorking: () => void,
): Promise<void> {
  const streamCreated = await source.created();
  const name = DEAD_LETTER_CHECKPOINT;
  let { lastSeq } = await openCheckpoint(pool, name, streamCreated, CURE);
  onWorking();
  const reading = new AbortController();
  const onAbort = (): void => reading.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) reading.abort();
  const intake = new Intake<StreamDeadLetter>(
    INTAKE_LIMITS,
    ({ letter }) => ({ weight: 1, bytes: letter.body.length }),
    clock,
  );
  const pumping = intake.pump(source.read(lastSeq, reading.signal), reading.signal);
  const pace = new FlushPace(clock);
  try {
    for (;;) {
      const letters = await intake.take(pace, signal);
      const last = letters?.at(-1);
      if (letters === undefined || last === undefined) return;
      const step = { name, streamCreated, fromSeq: lastSeq, toSeq: last.streamSeq, tsMs: last.tsMs };
      await transaction(pool, async (client) => {
        await advanceCheckpoint(client, step);
        await writeStreamDeadLetters(client, letters);
      });
      lastSeq = last.streamSeq;
      onBatch?.({ letters: letters.length, lastSeq });
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    reading.abort();
    await pumping;
  }
}

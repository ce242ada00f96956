import type pg from 'pg';
import type { Clock } from '../../core/clock.js';
import type { Service } from '../../core/service.js';
import { atPlace } from '../atPlace.js';
import { DEAD_LETTER_ACTION_CHECKPOINT, DEAD_LETTER_CHECKPOINT } from '../checkpoint.js';
import { PersistentService, type ServiceState } from '../persistentService.js';
import type { DeadLetterActionSource, DeadLetterSource } from '../ports.js';
import { writeDeadLetterActions } from './actions.js';
import { projectStream } from './projectStream.js';
import { writeStreamDeadLetters } from './write.js';

const cureOf = (checkpoint: string, table: string): string =>
  `delete the row '${checkpoint}' of spark.checkpoints and the rows of spark.${table}.`;

interface CommonOptions {
  /** As `spark_projector`. */
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
  readonly onFatal: (error: unknown) => void;
  readonly onState?: ((state: ServiceState) => void) | undefined;
}

export interface DeadLetterProjectorOptions extends CommonOptions {
  readonly source: DeadLetterSource;
  readonly onBatch?: (stats: { readonly items: number; readonly lastSeq: number }) => void;
}

export interface DeadLetterActionProjectorOptions extends CommonOptions {
  readonly source: DeadLetterActionSource;
  readonly onBatch?: (stats: { readonly items: number; readonly lastSeq: number }) => void;
}

/** Copies the dead-letter stream into `stream_dead_letters`, each once, with a checkpoint of its own. */
export function createDeadLetterProjector(
  options: DeadLetterProjectorOptions,
): Service & { readonly state: ServiceState } {
  const projection = {
    ...options,
    checkpoint: DEAD_LETTER_CHECKPOINT,
    cure: cureOf(DEAD_LETTER_CHECKPOINT, 'stream_dead_letters'),
    bytesOf: ({ letter }: { letter: { body: string } }) => letter.body.length,
    write: writeStreamDeadLetters,
  };
  return new PersistentService({
    name: 'dead-letter-projector',
    clock: options.clock,
    onError: options.onError,
    onFatal: options.onFatal,
    onState: options.onState,
    session: (signal, tell) =>
      atPlace({ ...projection, tell }, signal, (placed) =>
        projectStream(projection, placed, () => tell('working')),
      ),
  });
}

/** Folds what was done about dead letters into `spark_dead_letter_actions` and the state of each letter. */
export function createDeadLetterActionProjector(
  options: DeadLetterActionProjectorOptions,
): Service & { readonly state: ServiceState } {
  const projection = {
    ...options,
    checkpoint: DEAD_LETTER_ACTION_CHECKPOINT,
    cure: cureOf(DEAD_LETTER_ACTION_CHECKPOINT, 'spark_dead_letter_actions'),
    bytesOf: () => 200,
    write: writeDeadLetterActions,
  };
  return new PersistentService({
    name: 'dead-letter-action-projector',
    clock: options.clock,
    onError: options.onError,
    onFatal: options.onFatal,
    onState: options.onState,
    session: (signal, tell) =>
      atPlace({ ...projection, tell }, signal, (placed) =>
        projectStream(projection, placed, () => tell('working')),
      ),
  });
}

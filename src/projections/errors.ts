import { SparkError } from '../core/errors.js';

/** The checkpoint is of another stream than the one we are connected to. */
export class StreamChangedError extends SparkError {
  readonly code = 'stream_changed';

  constructor(projection: string, known: string, found: string, cure: string) {
    super(
      `the stream behind "${projection}" is not the one its read models were made from (created ${found}, known ${known}). ` +
        `Connect to the right NATS server, or, if this is the right one, ${cure}`,
      { fields: { projection, known, found } },
    );
  }
}

/** The checkpoint lies beyond the end of the log: the log has lost messages that were projected. */
export class LogShorterThanCheckpointError extends SparkError {
  readonly code = 'log_shorter_than_checkpoint';
}

/** The log holds events of a newer version than this build reads: nothing is skipped, so it stops. */
export class NewerEventsError extends SparkError {
  readonly code = 'newer_events';
}

/** Another owner moved the checkpoint; what was under way was rolled back. */
export class CheckpointMovedError extends SparkError {
  readonly code = 'checkpoint_moved';
}

/** Read models were flipped after their pointers had been read: what was under way was rolled back, and goes to the other slot. */
export class SlotsMovedError extends SparkError {
  readonly code = 'slots_moved';
}

/** A slot that readers use was to be emptied. */
export class SlotInUseError extends SparkError {
  readonly code = 'slot_in_use';
}

/** The database is older than this build: it does not know one of its read models. */
export class ReadModelMissingError extends SparkError {
  readonly code = 'read_model_missing';
}

/** A stream's reader ended although nobody asked it to. */
export class SourceEndedError extends SparkError {
  readonly code = 'source_ended';
}

/** What no retry and no waiting can cure: somebody has to decide. */
export function isFatal(error: unknown): boolean {
  return (
    error instanceof StreamChangedError ||
    error instanceof LogShorterThanCheckpointError ||
    error instanceof NewerEventsError
  );
}

import { SparkError } from '../../core/errors.js';

/** A name that is no read model's. */
export class UnknownReadModelError extends SparkError {
  readonly code = 'unknown_read_model';

  constructor(name: string, known: readonly string[]) {
    const names = [...new Set(known)].sort();
    super(`there is no read model "${name}"; there are: ${names.join(', ')}`, { fields: { name, names } });
  }
}

/** `--until` is neither a time nor a sequence. */
export class BadUntilError extends SparkError {
  readonly code = 'bad_until';
}

/** Another rebuild is at work on this database. */
export class RebuildRunningError extends SparkError {
  readonly code = 'rebuild_running';
}

/** There is no earlier version to go back to, or it has been built over. */
export class NothingToRollBackError extends SparkError {
  readonly code = 'nothing_to_roll_back';
}

/** The beginning of the history is neither in the stream nor in `spark_events`. */
export class HistoryGoneError extends SparkError {
  readonly code = 'history_gone';
}

/** Some read models cannot be made anew by themselves when the log is another one. */
export class OnlyAllError extends SparkError {
  readonly code = 'only_all';
}

/** A schema of that name exists and is not ours to replace or to drop. */
export class SchemaTakenError extends SparkError {
  readonly code = 'schema_taken';
}

/** Postgres refused an index over the rows: one of them would have been refused by a table that has it. */
export class IndexRefusedError extends SparkError {
  readonly code = 'index_refused';
}

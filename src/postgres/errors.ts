import { codeOf, SparkError } from '../core/errors.js';

/** A migration that was applied is not what its file says now. */
export class MigrationChangedError extends SparkError {
  readonly code = 'migration_changed';
}

/** The database was migrated by a newer SPARK than this one. */
export class MigrationUnknownError extends SparkError {
  readonly code = 'migration_unknown';
}

/** A migration could not be applied; nothing of it was kept. */
export class MigrationFailedError extends SparkError {
  readonly code = 'migration_failed';
}

/** A projector of another build is at work: what it writes would not fit the tables as they are to be. */
export class MigrationBlockedError extends SparkError {
  readonly code = 'migration_blocked';
}

/**
 * What a failed statement says about trying again (https://www.postgresql.org/docs/current/errcodes-appendix.html):
 * `data`: these rows will never be taken; `unavailable`: the server is away, full or busy; `other`: somebody has to repair
 * something (a missing table, a missing right), after which it works.
 */
export type PostgresFailure = 'data' | 'unavailable' | 'other';

const SQLSTATE = /^[0-9A-Z]{5}$/;
/** 22: data exceptions. 54: a value too large for what holds it. */
const DATA_CLASSES = new Set(['22', '54']);
/** Of the broken constraints only a missing value is the row's fault: a duplicate or a missing partition is the table's. */
const NOT_NULL_VIOLATION = '23502';
/** Connection, rolled back (deadlock, serialization), out of resources, operator intervention, system error. */
const UNAVAILABLE_CLASSES = new Set(['08', '40', '53', '57', '58']);

export function classifyPostgresError(error: unknown): PostgresFailure {
  const code = codeOf(error);
  // No SQLSTATE: the driver lost the connection, or never had one.
  if (code === undefined || !SQLSTATE.test(code)) return 'unavailable';
  const sqlClass = code.slice(0, 2);
  if (DATA_CLASSES.has(sqlClass) || code === NOT_NULL_VIOLATION) return 'data';
  return UNAVAILABLE_CLASSES.has(sqlClass) ? 'unavailable' : 'other';
}

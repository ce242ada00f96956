/** The failures of the embedded default. Callers match on `code`, never on the text. */
export type EmbeddedErrorCode =
  | 'home_in_use'
  | 'home_unusable'
  | 'child_start_failed'
  | 'nats_binary_missing'
  | 'nats_too_old'
  | 'postgres_binary_missing'
  | 'postgres_unusable';

export abstract class EmbeddedError extends Error {
  abstract readonly code: EmbeddedErrorCode;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Another live process holds the home. `pid` is that process. */
export class HomeInUseError extends EmbeddedError {
  readonly code = 'home_in_use';
  readonly pid: number;

  constructor(dir: string, pid: number) {
    super(`The home ${dir} is in use by process ${pid}. Stop that one first, or choose another SPARK_HOME.`);
    this.pid = pid;
  }
}

/** The home's folder is not ours to use: foreign files, wrong owner, broken state. */
export class HomeUnusableError extends EmbeddedError {
  readonly code = 'home_unusable';
}

/** A daemon ended or stayed silent instead of becoming ready. `logTail` holds its last words. */
export class ChildStartError extends EmbeddedError {
  readonly code = 'child_start_failed';
  readonly childName: string;
  readonly logTail: string;

  constructor(childName: string, reason: string, logTail: string, options?: ErrorOptions) {
    super(`${childName} did not start: ${reason}${logTail === '' ? '' : `\n${logTail}`}`, options);
    this.childName = childName;
    this.logTail = logTail;
  }
}

export class NatsBinaryMissingError extends EmbeddedError {
  readonly code = 'nats_binary_missing';
}

export class NatsTooOldError extends EmbeddedError {
  readonly code = 'nats_too_old';
}

export class PostgresBinaryMissingError extends EmbeddedError {
  readonly code = 'postgres_binary_missing';
}

export class PostgresUnusableError extends EmbeddedError {
  readonly code = 'postgres_unusable';
}

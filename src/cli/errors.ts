import { SparkError } from '../core/errors.js';
import { EXIT, type ExitCode } from './exitCodes.js';

/** A failure of a client command that ends it with a known exit code. `hint` says what to do. */
export abstract class CliError extends SparkError {
  abstract readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(
    message: string,
    options: { hint?: string; fields?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options);
    this.hint = options.hint;
  }
}

/** The arguments, or a file they name, are not usable. */
export class UsageError extends CliError {
  readonly code = 'usage';
  readonly exitCode = EXIT.usage;
}

/** No SPARK answered, or none is known. */
export class UnreachableError extends CliError {
  readonly code = 'unreachable';
  readonly exitCode = EXIT.unreachable;
}

/** An answer did not come in time. */
export class RequestTimeoutError extends CliError {
  readonly code = 'request_timeout';
  readonly exitCode = EXIT.timeout;
}

/** What answered does not speak SPARK's API. */
export class UnexpectedReplyError extends CliError {
  readonly code = 'unexpected_reply';
  readonly exitCode = EXIT.failed;
}

/** The user pressed Ctrl-C. */
export class InterruptedError extends CliError {
  readonly code = 'interrupted';
  readonly exitCode = EXIT.interrupted;
}

/** One thing wrong with a request: RFC 6901 pointer and what to do. */
export interface ReplyProblem {
  readonly pointer: string;
  readonly message: string;
}

const CONFLICT_CODES: ReadonlySet<string> = new Set(['conflict', 'idempotency_mismatch']);

/** SPARK answered with a problem (RFC 9457). `status` is the HTTP status, `code` its stable code. */
export class ApiError extends CliError {
  readonly code: string;
  readonly status: number;
  readonly errors: readonly ReplyProblem[];
  readonly retryAfterMs: number | undefined;
  readonly exitCode: ExitCode;

  constructor(
    message: string,
    options: {
      code: string;
      status: number;
      errors?: readonly ReplyProblem[] | undefined;
      retryAfterMs?: number | undefined;
      hint?: string;
    },
  ) {
    super(message, {
      ...(options.hint === undefined ? {} : { hint: options.hint }),
      fields: { status: options.status, ...(options.errors?.length ? { errors: options.errors } : {}) },
    });
    this.code = options.code;
    this.status = options.status;
    this.errors = options.errors ?? [];
    this.retryAfterMs = options.retryAfterMs;
    const conflict = options.status === 409 || options.status === 412 || CONFLICT_CODES.has(options.code);
    this.exitCode = conflict ? EXIT.conflict : EXIT.failed;
  }
}

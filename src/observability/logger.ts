import { type DestinationStream, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';
import { prettyLine } from './prettyLine.js';
import { redact, scrubLine } from './redact.js';

/** Fields first, then the message: `logger.warn({ editor }, 'the editor is away')`. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  fatal(fields: object, message: string): void;
  child(fields: object): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** One coloured line for people instead of JSON for machines: for a terminal only. */
  readonly pretty?: boolean;
  readonly color?: boolean;
  /** On every line, e.g. `{ service: 'spark', role: 'ingest' }`. */
  readonly fields?: object;
  /** Where lines go; standard error when absent, so that standard output stays for answers. */
  readonly write?: (line: string) => void;
}

/** Structured logs: JSON lines with ISO time, secrets taken out by key and by pattern. */
export function createLogger(options: LoggerOptions): Logger {
  const write = options.write ?? ((line: string) => process.stderr.write(line));
  const destination: DestinationStream = {
    write: (line) => {
      const clean = scrubLine(line);
      write(options.pretty ? prettyLine(clean, options.color ?? false) : clean);
    },
  };
  const logger: PinoLogger = pino(
    {
      level: options.level,
      base: redact({ ...options.fields }) as Record<string, unknown>,
      timestamp: stdTimeFunctions.isoTime,
      messageKey: 'message',
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redact(fields) as Record<string, unknown>,
      },
    },
    destination,
  );
  return wrap(logger);
}

/** pino formats what a line carries, but not what a child adds to all of its lines: that is cleaned here. */
function wrap(logger: PinoLogger): Logger {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    fatal: (fields, message) => logger.fatal(fields, message),
    child: (fields) => wrap(logger.child(redact(fields) as Record<string, unknown>)),
  };
}

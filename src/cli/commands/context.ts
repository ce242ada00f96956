import { Command, InvalidArgumentError } from 'commander';
import { TOKEN_PATTERN } from '../../core/ids.js';
import type { ConnectionOptions } from '../connection.js';
import type { CliHost } from '../host.js';

/** What each command gets to build itself with. */
export interface CommandContext {
  readonly host: CliHost;
  /** Runs a command's body and keeps its exit code. */
  readonly run: (body: () => Promise<number>) => Promise<void>;
}

/** A command that only reads or asks a running SPARK: it has the connection options. */
export function clientCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--url <url>', 'where SPARK listens (SPARK_URL)')
    .option('--token <token>', 'bearer token (SPARK_TOKEN, SPARK_TOKEN_FILE)')
    .option('--home <folder>', 'home of a running SPARK, for its URL and token (SPARK_HOME)')
    .option('--json', 'print JSON instead of text');
}

/** Prints a document for machines, or the text for people. */
export function print(
  host: CliHost,
  options: ConnectionOptions,
  document: unknown,
  text: () => string,
): void {
  host.out(options.json ? `${JSON.stringify(document)}\n` : text());
}

/** Examples at the end of a command's --help. */
export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`;
}

export function parseToken(value: string): string {
  if (!TOKEN_PATTERN.test(value))
    throw new InvalidArgumentError('Must be 1 to 64 letters, digits, "-" or "_".');
  return value;
}

/** A whole number of at least 1. */
export function parseCount(value: string): number {
  const count = Number(value);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError('Must be a whole number of at least 1.');
  return count;
}

/** A time in seconds, fractions allowed. */
export function parseSeconds(value: string): number {
  const seconds = Number(value);
  if (!Number.isFinite(seconds) || seconds <= 0 || seconds > 86_400)
    throw new InvalidArgumentError('Must be a number of seconds above 0 and at most 86400.');
  return seconds;
}

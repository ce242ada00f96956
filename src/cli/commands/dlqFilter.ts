import { type Command, InvalidArgumentError } from 'commander';
import { type Api, expectShape, segment } from '../api.js';
import { type DeadLetterReply, deadLetterReply } from '../replies.js';
import { parseToken } from './context.js';

/** Which letters; the names of the API's filter. */
export interface LetterFilterOptions {
  readonly reason?: string;
  readonly session?: string;
  readonly editor?: string;
  readonly type?: string;
  readonly since?: string;
  readonly until?: string;
}

/** Adds the options that say which letters. */
export function withLetterFilter(command: Command): Command {
  return command
    .option('--reason <code>', 'that failed for this reason, e.g. attempts_exhausted')
    .option('-s, --session <id>', 'of this session', parseToken)
    .option('-e, --editor <id>', 'for this editor', parseToken)
    .option('--type <type>', 'of this command, e.g. unity.apply_patch')
    .option('--since <time>', 'since then (ISO 8601)', parseMoment)
    .option('--until <time>', 'before then (ISO 8601)', parseMoment);
}

export function filterOf(options: LetterFilterOptions): Record<string, string> {
  const { reason, session, editor, type, since, until } = options;
  const filter = { reason, sessionId: session, editor, type, since, until };
  return Object.fromEntries(
    Object.entries(filter).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Without a zone it is the user's own. */
function parseMoment(value: string): string {
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) throw new InvalidArgumentError('Must be a time, e.g. 2030-01-31T12:00:00Z.');
  return new Date(ms).toISOString();
}

/** One letter, and the whole answer for --json. */
export async function readLetter(
  api: Api,
  id: string,
): Promise<{ readonly letter: DeadLetterReply; readonly body: unknown }> {
  const { body } = await api.call({ path: `/v1/dead-letters/${segment(id)}` });
  return { letter: expectShape(deadLetterReply, body, 'dead letter'), body };
}

import type { Command } from 'commander';
import { z } from 'zod';
import { type Api, createApi, expectShape, segment } from '../api.js';
import { confirm } from '../confirm.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { UsageError } from '../errors.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { printable } from '../text.js';
import { type CommandContext, clientCommand, examples, parseCount, print } from './context.js';
import { filterOf, type LetterFilterOptions, withLetterFilter } from './dlqFilter.js';

const DEFAULT_LIMIT = 100;

interface DropOptions extends ConnectionOptions, LetterFilterOptions {
  readonly allMatching?: boolean;
  readonly limit: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export function dlqDropCommand(context: CommandContext): Command {
  const command = clientCommand('drop', 'Drop a dead letter, or all that match: nothing more is to be done')
    .argument('[id]', 'the letter, as `spark dlq list` names it')
    .option('--all-matching', 'all open letters that match, oldest first');
  return withLetterFilter(command)
    .option('-n, --limit <count>', 'with --all-matching: at most so many', parseCount, DEFAULT_LIMIT)
    .option('--dry-run', 'with --all-matching: only show how many')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      examples(['spark dlq drop 12', 'spark dlq drop --all-matching --reason malformed_json --yes']),
    )
    .action(async (id: string | undefined, options: DropOptions) =>
      context.run(() => drop(context.host, id, options)),
    );
}

async function drop(host: CliHost, id: string | undefined, options: DropOptions): Promise<number> {
  if ((id === undefined) === !options.allMatching)
    throw new UsageError('name one letter, or say --all-matching');
  const api = createApi(resolveConnection(options, host.env), host);
  return id === undefined ? dropMatching(api, host, options) : dropOne(api, host, id, options);
}

async function dropOne(api: Api, host: CliHost, id: string, options: DropOptions): Promise<number> {
  if (!(await confirm(host, options, `Drop letter ${id}?`))) return EXIT.failed;
  const reply = await api.call({ method: 'DELETE', path: `/v1/dead-letters/${segment(id)}` });
  print(host, options, reply.body, () => `dropped  letter ${printable(id)}\n`);
  return EXIT.ok;
}

const dropReply = z.looseObject({ matched: z.number(), dropped: z.array(z.string()) });

async function dropMatching(api: Api, host: CliHost, options: DropOptions): Promise<number> {
  const ask = async (dryRun: boolean) => {
    const body = { filter: filterOf(options), limit: options.limit, dryRun };
    const reply = await api.call({ method: 'POST', path: '/v1/dead-letters/drop', body });
    return { reply, answer: expectShape(dropReply, reply.body, 'drop') };
  };
  const planned = await ask(true);
  if (options.dryRun) {
    print(host, options, planned.reply.body, () => `${planned.answer.matched} open letters match.\n`);
    return EXIT.ok;
  }
  const question = `Drop ${planned.answer.matched} dead letters?`;
  if (planned.answer.matched > 0 && !(await confirm(host, options, question))) return EXIT.failed;
  const { reply, answer } = await ask(false);
  print(host, options, reply.body, () => `${answer.dropped.length} dropped.\n`);
  return EXIT.ok;
}

import type { Command } from 'commander';
import { Option } from 'commander';
import { COMMAND_STATES } from '../../events/outcome.js';
import { createApi, expectShape } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { EXIT } from '../exitCodes.js';
import { staleText } from '../freshness.js';
import type { CliHost } from '../host.js';
import { commandReply, listOf } from '../replies.js';
import { table, timeText } from '../text.js';
import { type CommandContext, clientCommand, examples, parseCount, parseToken, print } from './context.js';

const DEFAULT_LIMIT = 20;

interface ListOptions extends ConnectionOptions {
  readonly session?: string;
  readonly state?: string;
  readonly editor?: string;
  readonly limit: number;
}

export function listCommand(context: CommandContext): Command {
  return clientCommand('list', 'List commands, newest first')
    .option('-s, --session <id>', 'of this session', parseToken)
    .addOption(new Option('--state <state>', 'in this state').choices(COMMAND_STATES))
    .option('-e, --editor <id>', 'for this editor', parseToken)
    .option('-n, --limit <count>', 'at most so many', parseCount, DEFAULT_LIMIT)
    .addHelpText(
      'after',
      examples(['spark list --session demo', 'spark list --state failed --limit 100 --json']),
    )
    .action(async (options: ListOptions) => context.run(() => list(context.host, options)));
}

async function list(host: CliHost, options: ListOptions): Promise<number> {
  const query = new URLSearchParams({ limit: String(options.limit) });
  for (const [name, value] of [
    ['sessionId', options.session],
    ['state', options.state],
    ['editor', options.editor],
  ] as const)
    if (value !== undefined) query.set(name, value);
  const api = createApi(resolveConnection(options, host.env), host);
  const reply = await api.call({ path: `/v1/commands?${query.toString()}` });
  const { items: commands, freshness } = expectShape(listOf(commandReply), reply.body, 'list of commands');
  const stale = staleText(freshness);
  print(host, options, reply.body, () =>
    commands.length === 0
      ? `No commands.\n${stale}`
      : `${table(
          ['COMMAND', 'STATE', 'TYPE', 'SESSION', 'EDITOR', 'ACCEPTED'],
          commands.map((row) => [
            row.commandId,
            row.state,
            row.type,
            row.sessionId,
            row.editor,
            timeText(row.acceptedAt, host.clock.nowMs()),
          ]),
        )}${stale}`,
  );
  return EXIT.ok;
}

import { Command, Option } from 'commander';
import { createApi, expectShape } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { EXIT } from '../exitCodes.js';
import { staleText } from '../freshness.js';
import type { CliHost } from '../host.js';
import { type DeadLetterReply, deadLetterReply, listOf } from '../replies.js';
import { printable, table, timeText } from '../text.js';
import { type CommandContext, clientCommand, examples, parseCount, print } from './context.js';
import { dlqDropCommand } from './dlqDrop.js';
import { filterOf, type LetterFilterOptions, readLetter, withLetterFilter } from './dlqFilter.js';
import { dlqRedriveCommand } from './dlqRedrive.js';

const DEFAULT_LIMIT = 20;
const ERROR_CHARS = 60;

interface ListOptions extends ConnectionOptions, LetterFilterOptions {
  readonly state?: string;
  readonly limit: number;
  readonly cursor?: string;
}

/** `spark dlq list|show|redrive|drop`. */
export function dlqCommand(context: CommandContext): Command {
  const dlq = new Command('dlq').description('Dead letters: what failed for good, and what to do about it');
  dlq.addHelpText(
    'after',
    examples([
      'spark dlq list --state open --json',
      'spark dlq show 12',
      'spark dlq redrive 12',
      'spark dlq drop --all-matching --reason malformed_json --yes',
    ]),
  );
  dlq.addCommand(listCommand(context));
  dlq.addCommand(showCommand(context));
  dlq.addCommand(dlqRedriveCommand(context));
  dlq.addCommand(dlqDropCommand(context));
  return dlq;
}

function listCommand(context: CommandContext): Command {
  return withLetterFilter(clientCommand('list', 'List dead letters, newest first'))
    .addOption(new Option('--state <state>', 'in this state').choices(['open', 'redriven', 'dropped']))
    .option('-n, --limit <count>', 'at most so many', parseCount, DEFAULT_LIMIT)
    .option('--cursor <cursor>', 'behind the page that ended with it')
    .addHelpText('after', examples(['spark dlq list --state open', 'spark dlq list --session demo --json']))
    .action(async (options: ListOptions) => context.run(() => list(context.host, options)));
}

async function list(host: CliHost, options: ListOptions): Promise<number> {
  const query = new URLSearchParams({ ...filterOf(options), limit: String(options.limit) });
  if (options.state !== undefined) query.set('state', options.state);
  if (options.cursor !== undefined) query.set('cursor', options.cursor);
  const api = createApi(resolveConnection(options, host.env), host);
  const reply = await api.call({ path: `/v1/dead-letters?${query.toString()}` });
  const { items: letters, ...page } = expectShape(
    listOf(deadLetterReply),
    reply.body,
    'list of dead letters',
  );
  const next = typeof page['nextCursor'] === 'string' ? page['nextCursor'] : undefined;
  const more = next === undefined ? '' : `More: --cursor ${printable(next)}\n`;
  const stale = staleText(page.freshness);
  print(host, options, reply.body, () =>
    letters.length === 0 ? `No dead letters.\n${stale}` : `${lettersTable(host, letters)}${more}${stale}`,
  );
  return EXIT.ok;
}

function lettersTable(host: CliHost, letters: readonly DeadLetterReply[]): string {
  return table(
    ['LETTER', 'STATE', 'REASON', 'TYPE', 'SESSION', 'WHEN', 'LAST ERROR'],
    letters.map((row) => [
      row.id,
      row.state,
      row.reason,
      row.type,
      row.sessionId,
      timeText(row.ts, host.clock.nowMs()),
      row.lastError.slice(0, ERROR_CHARS).replaceAll('\n', ' '),
    ]),
  );
}

function showCommand(context: CommandContext): Command {
  return clientCommand('show', 'Show one dead letter: what it was, why it failed, what was done')
    .argument('<id>', 'the letter, as `spark dlq list` names it')
    .addHelpText('after', examples(['spark dlq show 12', 'spark dlq show 12 --json']))
    .action(async (id: string, options: ConnectionOptions) =>
      context.run(async () => {
        const api = createApi(resolveConnection(options, context.host.env), context.host);
        const { letter, body } = await readLetter(api, id);
        print(context.host, options, body, () => letterText(context.host, letter));
        return EXIT.ok;
      }),
    );
}

function letterText(host: CliHost, letter: DeadLetterReply): string {
  const nowMs = host.clock.nowMs();
  const when = (iso: unknown) => (typeof iso === 'string' ? timeText(iso, nowMs) : undefined);
  const actions = (Array.isArray(letter['actions']) ? letter['actions'] : []) as Record<string, unknown>[];
  const facts: [string, unknown][] = [
    ['failed', when(letter.ts)],
    ['reason', letter.reason],
    ['error', letter.lastError],
    ['attempts', letter.attempts],
    ['subject', letter.originalSubject],
    ['type', letter.type],
    ['session', letter.sessionId],
    ['editor', letter.editor],
    ['command', letter.commandId],
    ['trace', letter['traceId']],
    ['place', letter['stream']],
    ['headers', letter['headers']],
    ['payload', letter['payload'] ?? letter['payloadProblem'] ?? letter['body']],
    ...actions.map((action): [string, unknown] => [
      String(action['action']),
      [
        when(action['at']),
        `by ${String(action['actor'])}`,
        action['commandId'] && `as ${String(action['commandId'])}`,
      ]
        .filter(Boolean)
        .join(' '),
    ]),
  ];
  const lines = facts
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `  ${name.padEnd(9)} ${printable(value)}\n`);
  return `${printable(letter.state)}  letter ${printable(letter.id)}\n${lines.join('')}`;
}

import type { Command } from 'commander';
import { createApi, expectShape, segment } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { operationDiffReply } from '../replies.js';
import { diffText, printable, stateText } from '../text.js';
import { type CommandContext, clientCommand, examples, print } from './context.js';

export function diffCommand(context: CommandContext): Command {
  return clientCommand('diff', 'Show what an operation changed')
    .argument('<operationId>', 'an operation that `spark history` shows')
    .addHelpText('after', examples(['spark diff 7a5f6f6e-1d53-8f0a-8d4b-2f6f3b2f0c11']))
    .action(async (operationId: string, options: ConnectionOptions) =>
      context.run(() => diff(context.host, operationId, options)),
    );
}

async function diff(host: CliHost, operationId: string, options: ConnectionOptions): Promise<number> {
  const api = createApi(resolveConnection(options, host.env), host);
  const reply = await api.call({ path: `/v1/operations/${segment(operationId)}/diff` });
  const operation = expectShape(operationDiffReply, reply.body, 'diff of an operation');
  print(host, options, reply.body, () => {
    const { state, tool, editor, ts, cut } = operation;
    const head = `${stateText(host, printable(state ?? '?'))}  ${[tool, editor && `editor ${editor}`, ts].filter(Boolean).map(printable).join('  ')}\n`;
    return `${head}${diffText(host, operation.diff.trimEnd())}\n${cut ? '… the diff is longer than what is shown\n' : ''}`;
  });
  return EXIT.ok;
}

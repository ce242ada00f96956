import { type Command, Option } from 'commander';
import { createApi, expectShape, segment } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { UsageError } from '../errors.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { reconcileReply } from '../replies.js';
import { printable } from '../text.js';
import { type CommandContext, clientCommand, examples, print } from './context.js';

interface ReconcileOptions extends ConnectionOptions {
  readonly applied?: boolean;
  readonly notApplied?: boolean;
  readonly text: string;
}

/** `spark reconcile`: an operator's word on a command whose outcome is unknown. */
export function reconcileCommand(context: CommandContext): Command {
  return clientCommand('reconcile', 'Say what became of a command whose outcome is unknown')
    .argument('<commandId>', 'a command in the state outcome_unknown')
    .addOption(new Option('--applied', 'its effect is there').conflicts('notApplied'))
    .option('--not-applied', 'its effect is not there')
    .requiredOption('--text <text>', 'what you found')
    .addHelpText('after', examples(['spark reconcile 0b9f… --applied --text "the menu item has run"']))
    .action(async (commandId: string, options: ReconcileOptions) =>
      context.run(() => reconcile(context.host, commandId, options)),
    );
}

async function reconcile(host: CliHost, commandId: string, options: ReconcileOptions): Promise<number> {
  if (!options.applied && !options.notApplied)
    throw new UsageError('say what you found: --applied or --not-applied');
  const api = createApi(resolveConnection(options, host.env), host);
  const reply = await api.call({
    method: 'POST',
    path: `/v1/commands/${segment(commandId)}/reconcile`,
    body: { verdict: options.applied ? 'applied' : 'not_applied', text: options.text },
  });
  const { verdict } = expectShape(reconcileReply, reply.body, 'reconcile');
  print(host, options, reply.body, () => `reconciled as ${verdict}  ${printable(commandId)}\n`);
  return EXIT.ok;
}

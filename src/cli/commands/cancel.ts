import type { Command } from 'commander';
import { z } from 'zod';
import { createApi, expectShape, segment } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { stateText } from '../text.js';
import { type CommandContext, clientCommand, examples, parseSeconds, print } from './context.js';

const DEFAULT_WAIT_S = 30;

const cancelReply = z.looseObject({ commandId: z.string(), status: z.string(), state: z.string() });

interface CancelOptions extends ConnectionOptions {
  readonly reason?: string;
  readonly wait?: number | true;
}

export function cancelCommand(context: CommandContext): Command {
  return clientCommand(
    'cancel',
    'Cancel a command: what waits is not executed, what has begun a change is finished',
  )
    .argument('<commandId>', 'the id that submit printed')
    .option('-r, --reason <text>', 'why; it stands in the event and in the read models')
    .option('-w, --wait [seconds]', `wait for its end (${DEFAULT_WAIT_S} s unless told)`, parseSeconds)
    .addHelpText('after', examples(['spark cancel 4f0c21d6-2d3e-8b8a-9c63-1b1f6a0d7e55 --wait']))
    .action(async (commandId: string, options: CancelOptions) =>
      context.run(() => cancel(context.host, commandId, options)),
    );
}

/** With --wait: ok when it is cancelled, conflict when it ended in any other way, timeout when it has not ended in time. */
async function cancel(host: CliHost, commandId: string, options: CancelOptions): Promise<number> {
  const api = createApi(resolveConnection(options, host.env), host);
  const waitS = options.wait === true ? DEFAULT_WAIT_S : options.wait;
  const reply = await api.call({
    method: 'POST',
    path: `/v1/commands/${segment(commandId)}/cancel`,
    body: options.reason === undefined ? {} : { reason: options.reason },
    ...(waitS === undefined ? {} : { headers: { prefer: `wait=${Math.max(1, Math.ceil(waitS))}` } }),
  });
  const answer = expectShape(cancelReply, reply.body, 'cancel answer');
  print(host, options, answer, () => `${stateText(host, answer.status)}  ${answer.commandId}\n`);
  if (waitS === undefined || answer.status === 'cancelled') return EXIT.ok;
  return reply.status === 200 ? EXIT.conflict : EXIT.timeout;
}

import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { createApi, expectShape, segment } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { UsageError } from '../errors.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { parseJson } from '../readInput.js';
import { submitReply } from '../replies.js';
import { stateText } from '../text.js';
import { type CommandContext, clientCommand, examples, parseSeconds, parseToken, print } from './context.js';
import { waitAndPrint } from './submit.js';

const DEFAULT_WAIT_S = 60;

interface ImportOptions extends ConnectionOptions {
  readonly editor?: string;
  readonly key?: string;
  readonly wait?: number | true;
}

export function importCommand(context: CommandContext): Command {
  return clientCommand('import', 'Take exported operations into the undo log of a session')
    .argument('<session>', 'the session they become part of', parseToken)
    .argument('<file>', 'what `spark history SESSION --export FILE` wrote')
    .option('-e, --editor <id>', 'the editor whose lane the command goes by', parseToken)
    .option('-k, --key <key>', 'idempotency key: the same key is the same command')
    .option('-w, --wait [seconds]', `wait for the outcome (${DEFAULT_WAIT_S} s unless told)`, parseSeconds)
    .addHelpText('after', examples(['spark import demo demo.json --wait']))
    .action(async (session: string, file: string, options: ImportOptions) =>
      context.run(() => importFile(context.host, session, file, options)),
    );
}

async function importFile(
  host: CliHost,
  session: string,
  file: string,
  options: ImportOptions,
): Promise<number> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`${file} cannot be read`, { cause });
  });
  const body = parseJson(text, file);
  const api = createApi(resolveConnection(options, host.env), host);
  const query = options.editor === undefined ? '' : `?editor=${segment(options.editor)}`;
  const reply = await api.call({
    method: 'POST',
    path: `/v1/sessions/${segment(session)}/operations/import${query}`,
    body,
    ...(options.key === undefined ? {} : { headers: { 'idempotency-key': options.key } }),
  });
  const accepted = expectShape(submitReply, reply.body, 'accept');
  if (options.wait === undefined) {
    print(host, options, accepted, () => `${stateText(host, accepted.status)}  ${accepted.commandId}\n`);
    return EXIT.ok;
  }
  return waitAndPrint(api, host, options, {
    commandId: accepted.commandId,
    sessionId: session,
    waitS: options.wait === true ? DEFAULT_WAIT_S : options.wait,
  });
}

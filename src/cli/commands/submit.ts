import type { Command } from 'commander';
import { type Api, createApi, expectShape } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { UsageError } from '../errors.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { liveLine } from '../liveLine.js';
import { buildPayload, type PayloadOptions } from '../payload.js';
import { type CommandReply, type SubmitReply, submitReply } from '../replies.js';
import { submitFile } from '../submitFile.js';
import { printable, stateText } from '../text.js';
import { exitCodeOfState, waitForCommand } from '../waitFor.js';
import { type CommandContext, clientCommand, examples, parseSeconds, parseToken, print } from './context.js';
import { commandText, waitingText } from './status.js';

const DEFAULT_WAIT_S = 60;

interface SubmitOptions extends ConnectionOptions, PayloadOptions {
  readonly session?: string;
  readonly editor?: string;
  readonly key?: string;
  readonly actor?: string;
  readonly file?: string;
  /** `true`: the default time. */
  readonly wait?: number | true;
}

export function submitCommand(context: CommandContext): Command {
  return clientCommand('submit', 'Submit one command, or a file of them')
    .argument('[type]', 'the command, e.g. unity.generate_script')
    .option('-s, --session <id>', 'the session it belongs to', parseToken)
    .option('-e, --editor <id>', 'the Unity Editor it is for', parseToken)
    .option('--payload <json>', 'the payload')
    .option('--payload-file <file>', 'the payload, from a file')
    .option('--code-file <file>', 'a C# file as the payload\'s "code"; gives name and path their defaults')
    .option('--patch-file <file>', 'a unified diff as the payload\'s "patch"')
    .option(
      '--set <name=value>',
      'one member of the payload; repeatable',
      (pair: string, all: string[]) => [...all, pair],
      [],
    )
    .option(
      '-k, --key <key>',
      "idempotency key: the same key is the same command; with --file the prefix of each line's key",
    )
    .option('--actor <name>', 'on whose behalf')
    .option('-w, --wait [seconds]', `wait for the outcome (${DEFAULT_WAIT_S} s unless told)`, parseSeconds)
    .option('-f, --file <file>', 'submit every line of an NDJSON file ("-": standard input) in batches')
    .addHelpText(
      'after',
      examples([
        'spark submit unity.generate_script --session demo --code-file Player.cs --wait',
        `spark submit unity.delete_script --session demo --payload '{"path":"Assets/Scripts/Player.cs"}'`,
        'spark submit unity.render_preview --session demo --set width=512 --set height=512 --wait 10 --json',
        'spark submit --file commands.ndjson --key import-7',
      ]),
    )
    .action(async (type: string | undefined, options: SubmitOptions) =>
      context.run(() => submit(context.host, type, options)),
    );
}

async function submit(host: CliHost, type: string | undefined, options: SubmitOptions): Promise<number> {
  if (options.file !== undefined) {
    if (type !== undefined) throw new UsageError('give a command type or --file, not both');
    if (options.wait !== undefined)
      throw new UsageError('--wait is for one command; use `spark list` or `spark watch` after a file');
    const api = createApi(resolveConnection(options, host.env), host);
    return submitFile(api, host, { ...options, file: options.file });
  }
  if (type === undefined) throw new UsageError('name a command type, or a file with --file');
  if (options.session === undefined) throw new UsageError('name the session: --session <id>');
  const request = {
    type,
    sessionId: options.session,
    ...(options.editor === undefined ? {} : { editor: options.editor }),
    ...(options.key === undefined ? {} : { idempotencyKey: options.key }),
    ...(options.actor === undefined ? {} : { actor: options.actor }),
    payload: buildPayload(type, options),
  };
  const api = createApi(resolveConnection(options, host.env), host);
  const reply = await api.call({ method: 'POST', path: '/v1/commands', body: request });
  const accepted = expectShape(submitReply, reply.body, 'accept');
  if (options.wait === undefined) {
    print(host, options, reply.body, () => acceptText(host, accepted, options.session ?? ''));
    if (accepted.warning !== undefined && !options.json) host.err(`${printable(accepted.warning)}\n`);
    return EXIT.ok;
  }
  return waitAndPrint(api, host, options, {
    commandId: accepted.commandId,
    sessionId: options.session,
    waitS: options.wait === true ? DEFAULT_WAIT_S : options.wait,
  });
}

function acceptText(host: CliHost, accepted: SubmitReply, session: string): string {
  const known = accepted.duplicate ? ' (this key was known: nothing new was stored)' : '';
  return `${stateText(host, accepted.status)}  ${accepted.commandId}${known}\nFollow it: spark watch ${session}\n`;
}

interface Target {
  readonly commandId: string;
  readonly sessionId: string;
  readonly waitS: number;
}

/** Shows the states as they come, prints the outcome, and answers with the exit code that tells it. */
export async function waitAndPrint(
  api: Api,
  host: CliHost,
  options: ConnectionOptions,
  target: Target,
): Promise<number> {
  const { command, exitCode } = await waitForOutcome(api, host, options, target);
  // What did not complete has been printed already.
  if (command && exitCode === EXIT.ok)
    print(host, options, command, () => outcomeText(host, command, target.sessionId));
  return exitCode;
}

/** Waits and shows the states as they come, with what it waits for; prints every end but a completed one, which is the caller's. */
export async function waitForOutcome(
  api: Api,
  host: CliHost,
  options: ConnectionOptions,
  { commandId, sessionId, waitS }: Target,
): Promise<{ readonly command: CommandReply | undefined; readonly exitCode: number }> {
  const line = liveLine(host, options.json === true);
  line.show('accepted');
  const waited = await waitForCommand(
    api,
    host,
    { commandId, sessionId, timeoutMs: waitS * 1_000 },
    (state) => line.show(state),
    (reason) => line.show(`waiting: ${printable(reason)}`),
  ).finally(() => line.stop());
  if (waited.done) {
    const { command } = waited;
    const exitCode = exitCodeOfState(command.state);
    if (exitCode !== EXIT.ok) print(host, options, command, () => outcomeText(host, command, sessionId));
    return { command, exitCode };
  }
  const { state, waiting } = waited;
  const late = { commandId, state, timedOut: true, waitedMs: waitS * 1_000, ...(waiting ? { waiting } : {}) };
  const why = waiting ? `  waiting: ${printable(waitingText(waiting, host.clock.nowMs()))}\n` : '';
  print(host, options, late, () => `${stateText(host, state)}  ${commandId}\n${why}`);
  if (!options.json)
    host.err(`Not done after ${waitS} s; the command goes on. Ask again: spark status ${commandId}\n`);
  return { command: undefined, exitCode: EXIT.timeout };
}

function outcomeText(host: CliHost, command: CommandReply, session: string): string {
  const undoable =
    command.state === 'completed' && /^unity\.(?:generate|apply|delete)_/.test(command.type ?? '');
  return `${commandText(host, command)}${undoable ? `Undo it: spark undo ${session}\n` : ''}`;
}

import type { Command } from 'commander';
import { createApi, expectShape, segment } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { type CommandReply, commandReply } from '../replies.js';
import { printable, stateText, timeText } from '../text.js';
import { type CommandContext, clientCommand, examples, print } from './context.js';

export function statusCommand(context: CommandContext): Command {
  return clientCommand('status', 'Show one command')
    .argument('<commandId>', 'the id that submit printed')
    .addHelpText('after', examples(['spark status 4f0c21d6-2d3e-8b8a-9c63-1b1f6a0d7e55 --json']))
    .action(async (commandId: string, options: ConnectionOptions) =>
      context.run(() => status(context.host, commandId, options)),
    );
}

async function status(host: CliHost, commandId: string, options: ConnectionOptions): Promise<number> {
  const api = createApi(resolveConnection(options, host.env), host);
  const reply = await api.call({ path: `/v1/commands/${segment(commandId)}` });
  const command = expectShape(commandReply, reply.body, 'command');
  print(host, options, command, () => commandText(host, command));
  return EXIT.ok;
}

/** A command for people: state and id, then what else is known, one line each. */
export function commandText(host: CliHost, command: CommandReply): string {
  const nowMs = host.clock.nowMs();
  const when = (iso: string | null | undefined) => (iso ? timeText(iso, nowMs) : undefined);
  const facts: [string, unknown][] = [
    ['type', command.type],
    ['session', command.sessionId],
    ['editor', command.editor],
    ['actor', command.actor],
    ['key', command.idempotencyKey],
    ['attempts', command.attempts],
    ['accepted', when(command.acceptedAt)],
    ['started', when(command.startedAt)],
    ['finished', when(command.finishedAt)],
    ['waiting', command.waiting && waitingText(command.waiting, nowMs)],
    ['error', command.error],
    ['result', command.result],
  ];
  const lines = facts
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `  ${name.padEnd(9)} ${printable(value)}\n`);
  return `${stateText(host, command.state)}  ${command.commandId}\n${lines.join('')}`;
}

/** Why a command has not ended yet, and since when. */
export function waitingText(waiting: NonNullable<CommandReply['waiting']>, nowMs: number): string {
  return waiting.since ? `${waiting.reason}, since ${timeText(waiting.since, nowMs)}` : waiting.reason;
}

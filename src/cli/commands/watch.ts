import type { Command } from 'commander';
import { createApi } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { EXIT } from '../exitCodes.js';
import { followSession } from '../follow.js';
import type { CliHost } from '../host.js';
import { type LiveEvent, liveEvent, stateOfEvent } from '../replies.js';
import type { SseEvent } from '../sse.js';
import { durationText, paint, printable, stateText } from '../text.js';
import { jsonOf } from '../waitFor.js';
import { type CommandContext, clientCommand, examples, parseCount, parseToken } from './context.js';

interface WatchOptions extends ConnectionOptions {
  readonly after?: string;
  readonly live?: boolean;
  readonly count?: number;
}

export function watchCommand(context: CommandContext): Command {
  return clientCommand('watch', "Show a session's events, then follow it until Ctrl-C")
    .argument('<session>', 'the session', parseToken)
    .option('--live', 'begin with what happens from now on, not with the first event')
    .option('--after <id>', 'resume behind this event id')
    .option('-c, --count <events>', 'stop after so many events', parseCount)
    .addHelpText('after', examples(['spark watch demo', 'spark watch demo --json | jq .type']))
    .action(async (session: string, options: WatchOptions) =>
      context.run(() => watch(context.host, session, options)),
    );
}

async function watch(host: CliHost, session: string, options: WatchOptions): Promise<number> {
  const api = createApi(resolveConnection(options, host.env), host);
  const enough = new AbortController();
  const signal = AbortSignal.any([host.interrupted, enough.signal]);
  let seen = 0;
  const steps = followSession(api, {
    sessionId: session,
    from: options.live ? 'latest' : 'beginning',
    ...(options.after === undefined ? {} : { lastEventId: options.after }),
    clock: host.clock,
    signal,
  });
  try {
    for await (const step of steps) {
      if (step.step === 'open') host.err(paint(host, 'dim', `watching ${session}\n`));
      if (step.step === 'lost')
        host.err(`${printable(step.reason)}; trying again in ${durationText(step.retryMs)}\n`);
      if (step.step !== 'event') continue;
      host.out(options.json ? jsonLine(step.event) : textLine(host, step.event));
      seen += 1;
      if (seen === options.count) break;
    }
  } finally {
    enough.abort();
  }
  return EXIT.ok;
}

/** One NDJSON line: the event's body with its place in the log as `id`; a gap in the stream is an event `reset`. */
function jsonLine(event: SseEvent): string {
  const data = jsonOf(event.data);
  const body = typeof data === 'object' && data !== null ? data : { data: event.data };
  return `${JSON.stringify({ id: event.id, event: event.event, ...body })}\n`;
}

function textLine(host: CliHost, event: SseEvent): string {
  const data = jsonOf(event.data);
  if (event.event === 'reset') return `${paint(host, 'yellow', 'reset')}  ${printable(data ?? event.data)}\n`;
  const parsed = liveEvent.safeParse(data);
  if (!parsed.success) return `${printable(event.event)}  ${printable(event.data)}\n`;
  return `${lineOf(host, parsed.data)}\n`;
}

function lineOf(host: CliHost, event: LiveEvent): string {
  const name = event.type.slice(0, event.type.lastIndexOf('.'));
  const parts = [
    event.timestamp === undefined ? '' : paint(host, 'dim', printable(event.timestamp)),
    stateText(host, printable(stateOfEvent(event))),
    printable(name),
    event.path ? printable(event.path) : '',
    event.error ? `${printable(event.error.code)}: ${printable(event.error.message)}` : '',
    typeof event.durationMs === 'number' ? durationText(event.durationMs) : '',
    event.commandId === undefined ? '' : paint(host, 'dim', printable(event.commandId)),
  ];
  return parts.filter((part) => part !== '').join('  ');
}

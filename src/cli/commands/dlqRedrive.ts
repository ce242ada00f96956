import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { type Api, createApi, expectShape, segment } from '../api.js';
import { confirm } from '../confirm.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { UnexpectedReplyError, UsageError } from '../errors.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { parseJson, readText } from '../readInput.js';
import { printable } from '../text.js';
import { type CommandContext, clientCommand, examples, parseCount, parseToken, print } from './context.js';
import { filterOf, type LetterFilterOptions, readLetter, withLetterFilter } from './dlqFilter.js';

const DEFAULT_RATE = 10;
const DEFAULT_LIMIT = 100;

interface RedriveOptions extends ConnectionOptions, LetterFilterOptions {
  readonly allMatching?: boolean;
  readonly rate: number;
  readonly limit: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly again?: boolean;
  readonly payload?: string;
  readonly payloadFile?: string;
  readonly asType?: string;
  readonly asSession?: string;
  readonly asEditor?: string;
}

export function dlqRedriveCommand(context: CommandContext): Command {
  const command = clientCommand('redrive', 'Make a new command of a dead letter, or of all that match')
    .argument('[id]', 'the letter, as `spark dlq list` names it')
    .option('--payload <json>', 'instead of its body, e.g. of one that was no JSON')
    .option('--payload-file <file>', 'instead of its body, from a file')
    .option('--as-type <type>', 'as this command instead')
    .option('--as-session <id>', 'in this session instead', parseToken)
    .option('--as-editor <id>', 'for this editor instead', parseToken)
    .option('--again', 'once more, although it was redriven or dropped')
    .option('--all-matching', 'all open letters that match, oldest first');
  return withLetterFilter(command)
    .option('--rate <perSecond>', 'with --all-matching: so many a second', parseRate, DEFAULT_RATE)
    .option('-n, --limit <count>', 'with --all-matching: at most so many', parseCount, DEFAULT_LIMIT)
    .option('--dry-run', 'with --all-matching: only show what would be done')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      examples([
        'spark dlq redrive 12',
        `spark dlq redrive 12 --payload '{"path":"Assets/A.cs"}'`,
        'spark dlq redrive --all-matching --reason attempts_exhausted --rate 5 --yes',
      ]),
    )
    .action(async (id: string | undefined, options: RedriveOptions) =>
      context.run(() => redrive(context.host, id, options)),
    );
}

async function redrive(host: CliHost, id: string | undefined, options: RedriveOptions): Promise<number> {
  if ((id === undefined) === !options.allMatching)
    throw new UsageError('name one letter, or say --all-matching');
  const api = createApi(resolveConnection(options, host.env), host);
  return id === undefined ? redriveMatching(api, host, options) : redriveOne(api, host, id, options);
}

const redriveReply = z.looseObject({ id: z.string(), commandId: z.string(), duplicate: z.boolean() });

async function redriveOne(api: Api, host: CliHost, id: string, options: RedriveOptions): Promise<number> {
  if (Object.keys(filterOf(options)).length > 0)
    throw new UsageError(
      'filters are for --all-matching; --as-type, --as-session and --as-editor change one letter',
    );
  const again = options.again ? { redrive: (await readLetter(api, id)).letter.redrives + 1 } : {};
  const reply = await api.call({
    method: 'POST',
    path: `/v1/dead-letters/${segment(id)}/redrive`,
    body: { ...payloadOf(options), ...targetOf(options), ...again },
  });
  const redriven = expectShape(redriveReply, reply.body, 'redrive');
  print(host, options, reply.body, () => {
    const known = redriven.duplicate ? ' (it was redriven before: nothing new was stored)' : '';
    return `redriven  ${printable(redriven.commandId)}${known}\nAsk what became of it: spark status ${printable(redriven.commandId)}\n`;
  });
  return EXIT.ok;
}

function payloadOf({ payload, payloadFile }: RedriveOptions): { payload?: unknown } {
  if (payload !== undefined && payloadFile !== undefined)
    throw new UsageError('give --payload or --payload-file, not both');
  if (payload !== undefined) return { payload: parseJson(payload, '--payload') };
  return payloadFile === undefined ? {} : { payload: parseJson(readText(payloadFile), payloadFile) };
}

function targetOf({ asType, asSession, asEditor }: RedriveOptions): Record<string, string> {
  return {
    ...(asType === undefined ? {} : { type: asType }),
    ...(asSession === undefined ? {} : { sessionId: asSession }),
    ...(asEditor === undefined ? {} : { editor: asEditor }),
  };
}

const planReply = z.looseObject({
  matched: z.number(),
  items: z.array(z.looseObject({ id: z.string(), problem: z.string().nullable() })),
});

const lineReply = z.looseObject({
  id: z.string().optional(),
  outcome: z.string().optional(),
  commandId: z.string().optional(),
  detail: z.string().optional(),
  done: z.boolean().optional(),
  redriven: z.number().optional(),
  refused: z.number().optional(),
  stopped: z.string().nullish(),
});
type Line = z.infer<typeof lineReply>;

async function redriveMatching(api: Api, host: CliHost, options: RedriveOptions): Promise<number> {
  const body = { filter: filterOf(options), ratePerSecond: options.rate, limit: options.limit };
  const path = '/v1/dead-letters/redrive';
  const planned = await api.call({ method: 'POST', path, body: { ...body, dryRun: true } });
  const plan = expectShape(planReply, planned.body, 'plan');
  if (options.dryRun) {
    print(host, options, planned.body, () =>
      plan.items
        .map(({ id, problem }) => `${printable(id)}  ${printable(problem ?? 'would be redriven')}\n`)
        .concat(`${plan.matched} open letters match.\n`)
        .join(''),
    );
    return EXIT.ok;
  }
  if (plan.matched > 0 && !(await confirm(host, options, `Redrive ${plan.matched} dead letters?`)))
    return EXIT.failed;
  const response = await api.stream({ method: 'POST', path, body }, host.interrupted);
  const last = await follow(response, (line) => show(host, options, line));
  if (!last?.done)
    throw new UnexpectedReplyError('the answer ended before the redrive did', {
      hint: 'Ask again: what was redriven is known, the rest is still open.',
    });
  return (last.refused ?? 0) > 0 || last.stopped ? EXIT.failed : EXIT.ok;
}

async function follow(response: Response, tell: (line: Line) => void): Promise<Line | undefined> {
  let last: Line | undefined;
  const bytes = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
  for await (const text of createInterface({ input: bytes, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (text.trim() === '') continue;
    last = expectShape(lineReply, parseJson(text, 'a line of the answer'), 'line of a redrive');
    tell(last);
  }
  return last;
}

/** With --json every line as it came. */
function show(host: CliHost, options: ConnectionOptions, line: Line): void {
  print(host, options, line, () => {
    if (line.done) {
      const stopped = line.stopped ? `; stopped: ${printable(line.stopped)}. Ask again for the rest` : '';
      return `${line.redriven ?? 0} redriven, ${line.refused ?? 0} refused${stopped}.\n`;
    }
    return `${printable(line.id)}  ${printable(line.outcome)}  ${printable(line.commandId ?? line.detail ?? '')}\n`;
  });
}

function parseRate(value: string): number {
  const rate = Number(value);
  if (!Number.isFinite(rate) || rate <= 0) throw new InvalidArgumentError('Must be a number above 0.');
  return rate;
}

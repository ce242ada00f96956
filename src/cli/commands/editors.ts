import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { type Api, createApi, expectShape, segment } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { listOf } from '../replies.js';
import { paint, printable, table, timeText } from '../text.js';
import { type CommandContext, clientCommand, examples, parseToken, print } from './context.js';

const pause = z.looseObject({ by: z.string(), at: z.string(), reason: z.string().nullable() });
const editorReply = z.looseObject({
  editor: z.string(),
  source: z.string().nullish(),
  instance: z.string().nullish(),
  projectFolder: z.string().nullish(),
  mcpUrl: z.string().nullish(),
  labels: z.record(z.string(), z.string()).nullish(),
  paused: pause.nullish(),
  health: z
    .looseObject({ state: z.string(), reason: z.string().nullish(), since: z.string().nullish() })
    .nullish(),
  lastSeenAt: z.string().nullish(),
  current: z.looseObject({ commandId: z.string(), type: z.string(), sessionId: z.string() }).nullish(),
  queue: z.looseObject({ memory: z.number(), parked: z.number() }).nullish(),
  build: z.looseObject({ commandId: z.string() }).nullish(),
});
type EditorReply = z.infer<typeof editorReply>;

interface RegisterOptions extends ConnectionOptions {
  readonly instance?: string;
  readonly project?: string;
  readonly mcpUrl?: string;
  readonly label: readonly string[];
}
interface PauseOptions extends ConnectionOptions {
  readonly reason?: string;
}

/** `spark editors [list] | show | register | pause | resume | remove`. */
export function editorsCommand(context: CommandContext): Command {
  const group = new Command('editors').description('List, register, pause and resume Unity Editors');
  const named = (name: string, description: string) =>
    clientCommand(name, description).argument('<editor>', 'its name', parseToken);
  const of =
    <O extends ConnectionOptions>(
      act: (host: CliHost, api: Api, editor: string, options: O) => Promise<void>,
    ) =>
    (editor: string, options: O) =>
      context.run(async () => {
        await act(
          context.host,
          createApi(resolveConnection(options, context.host.env), context.host),
          editor,
          options,
        );
        return EXIT.ok;
      });
  group.addCommand(
    clientCommand('list', 'List every editor that is registered, configured or connected').action(
      (options: ConnectionOptions) => context.run(() => list(context.host, options)),
    ),
    { isDefault: true },
  );
  group.addCommand(named('show', 'Show one editor').action(of(show)));
  group.addCommand(
    named('register', 'Register an editor, or change what it is registered as')
      .option('--instance <Name@hash>', 'the Unity instance, as the MCP server lists it')
      .option('--project <folder>', "its project folder on the worker's machine; with --instance")
      .option('--mcp-url <url>', 'its MCP server, one of UNITY_MCP_URLS')
      .option('--label <name=value>', 'repeatable', parseLabel, [])
      .addHelpText(
        'after',
        examples(['spark editors register left --instance Game@0123456789abcdef --project /projects/game']),
      )
      .action(of(register)),
  );
  group.addCommand(
    named('pause', 'Let what runs finish, and begin nothing new')
      .option('--reason <text>', 'why, for the others')
      .action(of(pauseEditor)),
  );
  group.addCommand(named('resume', 'Go on').action(of(resumeEditor)));
  group.addCommand(named('remove', 'Remove a registered editor').action(of(remove)));
  group.addHelpText('after', '\nEach takes --url, --token, --home and --json.\n');
  return group.addHelpText('after', examples(['spark editors', 'spark editors pause left --reason "lunch"']));
}

function parseLabel(pair: string, all: readonly string[]): string[] {
  if (!/^[^=]+=./.test(pair)) throw new InvalidArgumentError('Must be name=value.');
  return [...all, pair];
}

async function list(host: CliHost, options: ConnectionOptions): Promise<number> {
  const api = createApi(resolveConnection(options, host.env), host);
  const reply = await api.call({ path: '/v1/editors' });
  const { items } = expectShape(listOf(editorReply), reply.body, 'list of editors');
  print(host, options, reply.body, () =>
    items.length === 0
      ? 'No editors.\n'
      : table(
          ['EDITOR', 'HEALTH', 'PAUSED', 'WORKS ON', 'WAITING', 'SOURCE', 'INSTANCE'],
          items.map((one) => [
            one.editor,
            one.health?.state,
            one.paused ? `by ${one.paused.by}` : undefined,
            one.build ? 'a build' : one.current?.type,
            waitingCount(one),
            one.source,
            one.instance,
          ]),
        ),
  );
  return EXIT.ok;
}

async function show(host: CliHost, api: Api, editor: string, options: ConnectionOptions): Promise<void> {
  const reply = await api.call({ path: `/v1/editors/${segment(editor)}` });
  printEditor(host, options, reply.body);
}

async function register(host: CliHost, api: Api, editor: string, options: RegisterOptions): Promise<void> {
  const { instance, project: projectFolder, mcpUrl, label } = options;
  const labels = Object.fromEntries(
    label.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
  const reply = await api.call({
    method: 'POST',
    path: '/v1/editors',
    body: { editor, instance, projectFolder, mcpUrl, ...(label.length > 0 ? { labels } : {}) },
  });
  printEditor(host, options, reply.body);
}

async function pauseEditor(host: CliHost, api: Api, editor: string, options: PauseOptions): Promise<void> {
  const path = `/v1/editors/${segment(editor)}/pause`;
  const reply = await api.call({ method: 'POST', path, body: { reason: options.reason } });
  printEditor(host, options, reply.body);
}

async function resumeEditor(
  host: CliHost,
  api: Api,
  editor: string,
  options: ConnectionOptions,
): Promise<void> {
  const reply = await api.call({ method: 'POST', path: `/v1/editors/${segment(editor)}/resume`, body: {} });
  printEditor(host, options, reply.body);
}

async function remove(host: CliHost, api: Api, editor: string, options: ConnectionOptions): Promise<void> {
  await api.call({ method: 'DELETE', path: `/v1/editors/${segment(editor)}` });
  print(host, options, { editor, removed: true }, () => `${editor} is not registered any more\n`);
}

function printEditor(host: CliHost, options: ConnectionOptions, body: unknown): void {
  const editor = expectShape(editorReply, body, 'editor');
  print(host, options, body, () => editorText(host, editor));
}

function editorText(host: CliHost, one: EditorReply): string {
  const nowMs = host.clock.nowMs();
  const { paused, health, current } = one;
  const labels = Object.entries(one.labels ?? {}).map(([name, value]) => `${name}=${value}`);
  const facts: [string, unknown][] = [
    ['source', one.source],
    ['instance', one.instance],
    ['project', one.projectFolder],
    ['server', one.mcpUrl],
    ['labels', labels.length > 0 ? labels.join(' ') : undefined],
    [
      'paused',
      paused && `by ${paused.by}, ${timeText(paused.at, nowMs)}${paused.reason ? `: ${paused.reason}` : ''}`,
    ],
    ['since', health?.since && timeText(health.since, nowMs)],
    ['because', health?.reason],
    ['seen', one.lastSeenAt && timeText(one.lastSeenAt, nowMs)],
    ['works on', current && `${current.type} of ${current.sessionId} (${current.commandId})`],
    ['build', one.build?.commandId],
    ['waiting', waitingCount(one)],
  ];
  const lines = facts
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([name, value]) => `  ${name.padEnd(9)} ${printable(value)}\n`);
  return `${printable(one.editor)}  ${stateOf(host, one)}\n${lines.join('')}`;
}

function stateOf(host: CliHost, { health, paused }: EditorReply): string {
  const state = health?.state ?? (paused ? '' : 'registered');
  const color = state === 'away' ? 'red' : state === 'ready' ? 'green' : 'cyan';
  const words = [
    state === '' ? '' : paint(host, color, state),
    paused ? paint(host, 'yellow', 'paused') : '',
  ];
  return words.filter((word) => word !== '').join(', ');
}

const waitingCount = ({ queue }: EditorReply): number | undefined =>
  (queue && queue.memory + queue.parked) || undefined;

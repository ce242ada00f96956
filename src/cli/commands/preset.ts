import { Command } from 'commander';
import { z } from 'zod';
import { createApi, expectShape, segment } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { UsageError } from '../errors.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { listOf, submitReply } from '../replies.js';
import { printable, stateText, table } from '../text.js';
import { type CommandContext, clientCommand, examples, parseSeconds, parseToken, print } from './context.js';
import { waitAndPrint } from './submit.js';

/** A preset is dozens of files, and the editor compiles them. */
const DEFAULT_WAIT_S = 180;

const presetSummary = z.looseObject({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  targetFolder: z.string(),
  files: z.number(),
  totalBytes: z.number(),
});

const presetDetails = presetSummary.extend({
  files: z.array(z.looseObject({ path: z.string(), bytes: z.number() })),
  scenes: z.array(z.string()),
  assets: z.array(
    z.looseObject({
      path: z.string(),
      widthPx: z.number().optional(),
      heightPx: z.number().optional(),
      filter: z.string().optional(),
    }),
  ),
  build: z.looseObject({ target: z.string(), compression: z.string(), maxMemoryMb: z.number().optional() }),
});

interface ApplyOptions extends ConnectionOptions {
  readonly session?: string;
  readonly editor?: string;
  readonly folder?: string;
  readonly key?: string;
  readonly wait?: number | true;
}

/** `spark preset list | show | apply`. */
export function presetCommand(context: CommandContext): Command {
  return new Command('preset')
    .description('Whole small games to write into a project: list, show, apply')
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(applyCommand(context))
    .addHelpText(
      'after',
      examples([
        'spark preset list --json',
        'spark preset show platformer-2d',
        'spark preset apply platformer-2d --session demo --wait',
        'spark undo demo --wait    # takes the whole of it back',
      ]),
    );
}

function listCommand(context: CommandContext): Command {
  return clientCommand('list', 'List the presets').action(async (options: ConnectionOptions) =>
    context.run(() => list(context.host, options)),
  );
}

function showCommand(context: CommandContext): Command {
  return clientCommand('show', 'Show the files, scenes, assets and build configuration of a preset')
    .argument('<preset>', 'a preset that `spark preset list` shows')
    .action(async (preset: string, options: ConnectionOptions) =>
      context.run(() => show(context.host, preset, options)),
    );
}

function applyCommand(context: CommandContext): Command {
  return clientCommand('apply', 'Write a preset into a project, as one unit that is undone as one')
    .argument('<preset>', 'a preset that `spark preset list` shows')
    .option('-s, --session <id>', 'the session it belongs to', parseToken)
    .option('-e, --editor <id>', 'the Unity Editor it is for', parseToken)
    .option('-f, --folder <folder>', 'where to, under Assets/ (the preset names one itself)')
    .option('-k, --key <key>', 'idempotency key: the same key is the same command')
    .option('-w, --wait [seconds]', `wait for the outcome (${DEFAULT_WAIT_S} s unless told)`, parseSeconds)
    .addHelpText(
      'after',
      examples([
        'spark preset apply platformer-2d --session demo --wait',
        'spark preset apply visual-novel --session demo --folder Assets/Games/Novel',
        'spark undo demo --wait',
      ]),
    )
    .action(async (preset: string, options: ApplyOptions) =>
      context.run(() => apply(context.host, preset, options)),
    );
}

async function list(host: CliHost, options: ConnectionOptions): Promise<number> {
  const api = createApi(resolveConnection(options, host.env), host);
  const reply = await api.call({ path: '/v1/presets' });
  const { items } = expectShape(listOf(presetSummary), reply.body, 'list of presets');
  print(host, options, reply.body, () =>
    table(
      ['PRESET', 'NAME', 'FILES', 'SIZE', 'FOLDER'],
      items.map((each) => [
        each.id,
        each.name,
        String(each.files),
        kilobytes(each.totalBytes),
        each.targetFolder,
      ]),
    ),
  );
  return EXIT.ok;
}

async function show(host: CliHost, preset: string, options: ConnectionOptions): Promise<number> {
  const api = createApi(resolveConnection(options, host.env), host);
  const reply = await api.call({ path: `/v1/presets/${segment(preset)}` });
  const shown = expectShape(presetDetails, reply.body, 'preset');
  print(host, options, reply.body, () => detailsText(shown));
  return EXIT.ok;
}

function detailsText(shown: z.infer<typeof presetDetails>): string {
  const { build } = shown;
  const scenes = new Set(shown.scenes);
  const noteOf = (path: string): string => {
    const asset = shown.assets.find((each) => each.path === path);
    if (asset) return `${asset.widthPx ?? '?'} x ${asset.heightPx ?? '?'} px, ${asset.filter ?? '?'} filter`;
    return scenes.has(path) ? 'scene' : '';
  };
  return [
    `${printable(shown.name)}: ${printable(shown.description)}\n\n`,
    table(
      ['FILE', 'SIZE', ''],
      shown.files.map((file) => [file.path, kilobytes(file.bytes), noteOf(file.path)]),
    ),
    `\nBuild: ${printable(build.target)}, ${printable(build.compression)} compression, at most ${build.maxMemoryMb ?? '?'} MB of memory\n`,
  ].join('');
}

const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KB`;

async function apply(host: CliHost, preset: string, options: ApplyOptions): Promise<number> {
  const { session } = options;
  if (session === undefined) throw new UsageError('name the session: --session <id>');
  const api = createApi(resolveConnection(options, host.env), host);
  const reply = await api.call({
    method: 'POST',
    path: `/v1/presets/${segment(preset)}/apply`,
    body: {
      sessionId: session,
      ...(options.editor === undefined ? {} : { editor: options.editor }),
      ...(options.folder === undefined ? {} : { targetFolder: options.folder }),
    },
    ...(options.key === undefined ? {} : { headers: { 'idempotency-key': options.key } }),
  });
  const accepted = expectShape(submitReply, reply.body, 'accept');
  if (options.wait === undefined) {
    print(
      host,
      options,
      reply.body,
      () =>
        `${stateText(host, accepted.status)}  ${accepted.commandId}\nFollow it: spark watch ${session}\nTake it back: spark undo ${session}\n`,
    );
    return EXIT.ok;
  }
  return waitAndPrint(api, host, options, {
    commandId: accepted.commandId,
    sessionId: session,
    waitS: options.wait === true ? DEFAULT_WAIT_S : options.wait,
  });
}

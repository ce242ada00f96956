import { writeFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { deadline } from '../../core/deadline.js';
import { messageOf } from '../../core/errors.js';
import { type Api, createApi, expectShape } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { UnexpectedReplyError, UsageError } from '../errors.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { submitReply } from '../replies.js';
import { printable } from '../text.js';
import { type CommandContext, clientCommand, examples, parseSeconds, parseToken, print } from './context.js';
import { waitForOutcome } from './submit.js';

const DEFAULT_WAIT_S = 60;
const DOWNLOAD_MS = 30_000;
const DEFAULT_SIZE = { width: 1_024, height: 576 };

interface PreviewOptions extends ConnectionOptions {
  readonly session: string;
  readonly editor?: string;
  readonly scene?: string;
  readonly object?: string;
  readonly size: { readonly width: number; readonly height: number };
  readonly quality?: boolean;
  readonly jpg?: boolean;
  readonly out?: string;
  readonly wait: number;
}

const previewResult = z.looseObject({
  frameRef: z.string().regex(/^\/v1\/frames\/[0-9a-f]{64}$/),
  mime: z.string(),
  widthPx: z.number(),
  heightPx: z.number(),
  bytes: z.number(),
  cached: z.boolean().default(false),
});

/** `spark preview`: renders, waits, and saves the picture. */
export function previewCommand(context: CommandContext): Command {
  return clientCommand('preview', 'Render what an editor shows and save the picture')
    .option('-s, --session <id>', 'the session it belongs to', parseToken, 'preview')
    .option('-e, --editor <id>', 'the Unity Editor', parseToken)
    .option('--scene <path>', 'a scene, e.g. Assets/Scenes/Main.unity; the active one unless told')
    .option('--object <name>', 'a GameObject to look at')
    .option('--size <WxH>', 'in pixels', parseSize, DEFAULT_SIZE)
    .option('--quality', 'slower and better')
    .option('--jpg', 'ask for JPEG instead of PNG')
    .option('-o, --out <file>', 'where to save it; preview.png unless told')
    .option('-w, --wait <seconds>', 'how long to wait', parseSeconds, DEFAULT_WAIT_S)
    .addHelpText(
      'after',
      examples([
        'spark preview --out now.png',
        'spark preview --scene Assets/Scenes/Main.unity --size 640x360',
      ]),
    )
    .action((options: PreviewOptions) => context.run(() => preview(context.host, options)));
}

function parseSize(text: string): { width: number; height: number } {
  const [, width, height] = /^(\d{1,4})x(\d{1,4})$/i.exec(text) ?? [];
  const size = { width: Number(width), height: Number(height) };
  const fits = [size.width, size.height].every((px) => px >= 1 && px <= 4_096);
  if (!fits) throw new InvalidArgumentError('Must be WIDTHxHEIGHT, each 1 to 4096.');
  return size;
}

async function preview(host: CliHost, options: PreviewOptions): Promise<number> {
  const { session, editor, scene, object, size, jpg, quality } = options;
  const api = createApi(resolveConnection(options, host.env), host);
  const body = {
    type: 'unity.render_preview',
    sessionId: session,
    ...(editor === undefined ? {} : { editor }),
    payload: {
      ...size,
      format: jpg ? 'jpg' : 'png',
      mode: quality ? 'quality' : 'fast',
      ...(scene === undefined ? {} : { scenePath: scene }),
      ...(object === undefined ? {} : { gameObject: object }),
    },
  };
  const reply = await api.call({ method: 'POST', path: '/v1/commands', body });
  const { commandId } = expectShape(submitReply, reply.body, 'accept');
  const target = { commandId, sessionId: session, waitS: options.wait };
  const waited = await waitForOutcome(api, host, options, target);
  if (waited.exitCode !== EXIT.ok || waited.command === undefined) return waited.exitCode;
  const picture = expectShape(previewResult, waited.command.result, 'preview');
  const file = options.out ?? (picture.mime === 'image/jpeg' ? 'preview.jpg' : 'preview.png');
  save(file, await download(api, host, picture.frameRef));
  print(host, options, { ...waited.command, file }, () => {
    const source = picture.cached ? ', from the cache' : '';
    return `${printable(file)}  ${picture.widthPx} × ${picture.heightPx} px, ${picture.bytes} bytes${source}\n`;
  });
  return EXIT.ok;
}

async function download(api: Api, host: CliHost, path: string): Promise<Uint8Array> {
  const limit = deadline(host.clock, DOWNLOAD_MS, host.interrupted);
  try {
    const response = await api.stream({ path, headers: { accept: 'image/*' } }, limit.signal);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (error instanceof Error && 'exitCode' in error) throw error;
    throw new UnexpectedReplyError(`the picture could not be read: ${messageOf(error)}`, { cause: error });
  } finally {
    limit.clear();
  }
}

function save(file: string, bytes: Uint8Array): void {
  try {
    writeFileSync(file, bytes);
  } catch (cause) {
    throw new UsageError(`cannot write ${file}: ${messageOf(cause)}`, { cause });
  }
}

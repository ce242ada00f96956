import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { LIMITS } from '../../commands/limits.js';
import { mimeOfName, UPLOAD_MIME_EXTENSIONS } from '../../commands/mimeTypes.js';
import { codeOf } from '../../core/errors.js';
import { createApi, expectShape } from '../api.js';
import { type ByteBar, byteBar } from '../byteBar.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { UsageError } from '../errors.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { printable, sizeText } from '../text.js';
import { type CommandContext, clientCommand, examples, print } from './context.js';

const CHUNK_BYTES = 256 * 1024;
/** A large file over a slow line; the server's own limit for a request is as long. */
const UPLOAD_TIMEOUT_MS = 300_000;

const uploadReply = z.object({
  upload: z.string(),
  file: z.string(),
  bytes: z.number(),
  mime: z.string(),
});
type UploadReply = z.infer<typeof uploadReply>;

interface UploadOptions extends ConnectionOptions {
  readonly mime?: string;
}

export function uploadCommand(context: CommandContext): Command {
  return clientCommand('upload', 'Post a file for commands to take in')
    .argument('<file>', `the file, at most ${sizeText(LIMITS.uploadBytes)}`)
    .option('--mime <type>', "what it is; default: what its name's ending says")
    .addHelpText(
      'after',
      examples([
        'spark upload Hero.png',
        'spark upload take1.wav --json',
        'spark upload notes --mime text/plain',
      ]),
    )
    .action(async (file: string, options: UploadOptions) =>
      context.run(() => upload(context.host, file, options)),
    );
}

async function upload(host: CliHost, file: string, options: UploadOptions): Promise<number> {
  const totalBytes = checkedSize(file);
  const mime = options.mime ?? mimeOfName(file);
  if (mime === undefined)
    throw new UsageError(`${file}: its ending says no type that SPARK takes`, {
      hint: `Name it with --mime: ${Object.keys(UPLOAD_MIME_EXTENSIONS).join(', ')}`,
    });
  const api = createApi(resolveConnection(options, host.env), host);
  const bar = byteBar(host, options.json === true, totalBytes);
  const reply = await api
    .call(
      {
        method: 'POST',
        path: '/v1/uploads',
        raw: readInPieces(file, bar),
        headers: { 'content-type': mime },
      },
      UPLOAD_TIMEOUT_MS,
    )
    .finally(() => bar.stop());
  const stored = expectShape(uploadReply, reply.body, 'upload receipt');
  print(host, options, stored, () => storedText(file, stored));
  return EXIT.ok;
}

function checkedSize(file: string): number {
  let size: number;
  try {
    const stat = statSync(file);
    if (!stat.isFile()) throw new UsageError(`${file} is no file`);
    size = stat.size;
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(`${file} cannot be read (${codeOf(cause) ?? 'unknown'})`, { cause });
  }
  if (size > LIMITS.uploadBytes)
    throw new UsageError(`${file} has ${size} bytes; at most ${LIMITS.uploadBytes} are taken`);
  return size;
}

/** The file as it is being sent: only a piece of it is in memory. */
function readInPieces(file: string, bar: ByteBar): ReadableStream<Uint8Array> {
  let fd: number | undefined;
  let sent = 0;
  const close = () => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  };
  return new ReadableStream({
    pull: (controller) => {
      fd ??= openSync(file, 'r');
      const piece = Buffer.alloc(CHUNK_BYTES);
      const read = readSync(fd, piece, 0, CHUNK_BYTES, null);
      if (read === 0) {
        close();
        return controller.close();
      }
      sent += read;
      bar.update(sent);
      controller.enqueue(piece.subarray(0, read));
    },
    cancel: close,
  });
}

function storedText(file: string, { upload: sha, file: name, bytes, mime }: UploadReply): string {
  const payload = JSON.stringify({ source: { upload: sha }, path: `Assets/${basename(file)}`, mime });
  return (
    `${printable(name)}  ${sizeText(bytes)}  ${printable(mime)}\n` +
    `Take it in: spark submit unity.ingest_asset --session demo --payload '${printable(payload)}' --wait\n`
  );
}

import { execFile } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ServiceError } from './errors.js';
import { leastSeconds } from './leastSeconds.js';
import type { SpeechPrograms } from './speechPrograms.js';
import { LIMIT_SECONDS, samplesOf, tooLong } from './wavSamples.js';

const run = promisify(execFile);
/** What the decoder may write and we read into memory: 240 s of two channels at 192 kHz are 184 MB. */
const DECODED_LIMIT_BYTES = 256 * 1024 * 1024;
/** `ulimit -f` counts in these. */
const BLOCK_BYTES = 512;
/** The kernel ends a decoder that writes on; `$1` is the limit, what follows is the command. */
const LIMITED = 'ulimit -c 0; ulimit -f "$1" && shift && exec "$@"';

const EXTENSIONS: Readonly<Record<string, string>> = {
  'audio/wav': 'wav',
  'audio/flac': 'flac',
  'audio/ogg': 'ogg',
  'audio/mpeg': 'mp3',
};

/** How the programs are run: in `cwd`, until `signal` aborts. */
export interface RunOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly timeout: number;
  readonly maxBuffer: number;
}

/**
 * A recording as one channel at 16 kHz. Its length is judged three times: by the file itself before it is decoded, by the bytes that come
 * out of it, and by the samples. Throws `ServiceError` for what cannot be heard, the signal's reason on abort.
 */
export async function decodeSound(
  { decoder }: SpeechPrograms,
  bytes: Buffer,
  mime: string,
  options: RunOptions,
  decodedLimitBytes = DECODED_LIMIT_BYTES,
): Promise<Int16Array> {
  const seconds = leastSeconds(bytes, mime);
  if (seconds > LIMIT_SECONDS) throw tooLong(`lasts ${Math.ceil(seconds)} s or more`);
  const source = `in.${EXTENSIONS[mime] ?? 'wav'}`;
  const decoded = join(options.cwd, 'pcm.wav');
  await writeFile(join(options.cwd, source), bytes);
  const blocks = String(Math.ceil(decodedLimitBytes / BLOCK_BYTES));
  const failure = await run(
    '/bin/sh',
    ['-c', LIMITED, 'sh', blocks, decoder, '-pcm16', source, 'pcm.wav'],
    options,
  ).then(() => undefined, reasonOf);
  options.signal.throwIfAborted();
  const size = await stat(decoded).then(
    (found) => found.size,
    () => 0,
  );
  if (size >= decodedLimitBytes) throw tooLong(`has more than ${decodedLimitBytes} bytes of sound in it`);
  if (failure !== undefined)
    throw new ServiceError(422, 'unreadable_media', `the recording cannot be decoded: ${failure}`);
  return samplesOf(await readFile(decoded));
}

/** The decoder's own last words, which name no path of this machine. */
function reasonOf(error: unknown): string {
  const { stdout, stderr, signal } = error as { stdout?: string; stderr?: string; signal?: string | null };
  const words = `${stdout ?? ''}\n${stderr ?? ''}`.trim().split('\n').at(-1)?.trim().slice(0, 200);
  return words || `the decoder ended${signal ? ` by ${signal}` : ' without a word'}`;
}

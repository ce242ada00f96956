import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decodeSound } from './decodeSound.js';
import type { SpeechPrograms } from './speechPrograms.js';
import { splitAtPauses, WANTED_RATE } from './wavSamples.js';

const run = promisify(execFile);
const STEP_TIMEOUT_MS = 120_000;

export interface Recognized {
  readonly text: string;
  readonly segments: readonly {
    readonly startSeconds: number;
    readonly endSeconds: number;
    readonly text: string;
  }[];
  readonly language: string;
  readonly durationSeconds: number;
}

/** Decode → 16 kHz mono → cut at pauses → pocketsphinx. Throws `ServiceError` for what cannot be heard, the signal's reason on abort. */
export async function recognizeSpeech(
  programs: SpeechPrograms,
  bytes: Buffer,
  mime: string,
  signal: AbortSignal,
): Promise<Recognized> {
  const dir = await mkdtemp(join(tmpdir(), 'spark-speech-'));
  const options = { cwd: dir, env: programs.env, signal, timeout: STEP_TIMEOUT_MS, maxBuffer: 4 << 20 };
  try {
    const samples = await decodeSound(programs, bytes, mime, options);
    const durationSeconds = Math.round((samples.length / WANTED_RATE) * 1_000) / 1_000;
    const pieces = splitAtPauses(samples);
    const names = await Promise.all(
      pieces.map(async ({ start, end }, at) => {
        const name = `p${String(at).padStart(4, '0')}`;
        const piece = samples.subarray(start, end);
        await writeFile(
          join(dir, `${name}.raw`),
          Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength),
        );
        return name;
      }),
    );
    const heard = pieces.length === 0 ? [] : await hear(programs, dir, names, options);
    const segments = pieces.flatMap(({ start, end }, at) => {
      const text = heard[at] ?? '';
      return text === '' ? [] : [{ startSeconds: start / WANTED_RATE, endSeconds: end / WANTED_RATE, text }];
    });
    return { text: segments.map(({ text }) => text).join(' '), segments, language: 'en', durationSeconds };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** One line a piece, `text (name score)`, in their order. */
async function hear(
  { recognizer, model }: SpeechPrograms,
  dir: string,
  names: readonly string[],
  options: object,
): Promise<string[]> {
  await writeFile(join(dir, 'pieces'), `${names.join('\n')}\n`);
  const files = [
    '-hmm',
    join(model, 'en-us'),
    '-lm',
    join(model, 'en-us.lm.bin'),
    '-dict',
    join(model, 'cmudict-en-us.dict'),
  ];
  const sound = ['-adcin', 'yes', '-adchdr', '0', '-cepdir', '.', '-cepext', '.raw', '-ctl', 'pieces'];
  await run(recognizer, [...files, ...sound, '-hyp', 'heard', '-logfn', '/dev/null'], options);
  const lines = (await readFile(join(dir, 'heard'), 'utf8')).split('\n');
  return lines.slice(0, names.length).map((line) => line.replace(/ ?\([^()]*\)$/, '').trim());
}

import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeSound } from '../../../src/embedded/services/decodeSound.js';
import { leastSeconds } from '../../../src/embedded/services/leastSeconds.js';
import { WANTED_RATE } from '../../../src/embedded/services/wavSamples.js';
import { flacOf, mp3Of, oggPage, opusHead, vorbisHead, wavOf } from '../../support/recordings.js';

describe('how long a recording is at least, before it is decoded', () => {
  it.each([
    ['WAV', 'audio/wav', wavOf(300, 8_000), 300],
    ['FLAC', 'audio/flac', flacOf(48_000 * 3_600), 3_600],
    [
      'Vorbis',
      'audio/ogg',
      Buffer.concat([oggPage(1, 0, vorbisHead(8_000)), oggPage(1, 8_000 * 500, Buffer.alloc(9))]),
      500,
    ],
    [
      'Opus',
      'audio/ogg',
      Buffer.concat([oggPage(1, 0, opusHead(0)), oggPage(1, 48_000 * 400, Buffer.alloc(9))]),
      400,
    ],
    [
      'MP3 at its highest bit rate',
      'audio/mpeg',
      Buffer.concat([mp3Of(1), Buffer.alloc(20_000_000 - 104)]),
      500,
    ],
    ['file that says nothing', 'audio/wav', Buffer.alloc(100), 0],
    ['FLAC that is none', 'audio/flac', Buffer.alloc(2_000, 7), 0],
    ['FLAC without a rate', 'audio/flac', flacOf(10, 0), 0],
    ['chain of empty chunks', 'audio/wav', Buffer.alloc(10_000_000), 0],
  ] as const)('of a %s', (_what, mime, bytes, seconds) => {
    expect(leastSeconds(bytes, mime)).toBeCloseTo(seconds, 3);
  });
});

describe('decoding a recording', () => {
  let cwd = '';
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'spark-test-decode-'));
  });
  afterEach(() => rmSync(cwd, { recursive: true, force: true }));

  /** With a shell script as decoder: `$2` is the file that comes in, `$3` the one that goes out. */
  function decode(script: string, bytes: Buffer, limitBytes?: number, signal = new AbortController().signal) {
    const decoder = join(cwd, 'decoder');
    writeFileSync(decoder, `#!/bin/sh\n${script}\n`);
    chmodSync(decoder, 0o755);
    const options = { cwd, env: { PATH: '/usr/bin:/bin' }, signal, timeout: 30_000, maxBuffer: 1 << 20 };
    return decodeSound(
      { decoder, recognizer: '', model: '', env: {} },
      bytes,
      'audio/wav',
      options,
      limitBytes,
    );
  }

  it('given a decoder that does its work, its samples come out', async () => {
    expect(await decode('cp "$2" "$3"', wavOf(2))).toHaveLength(2 * WANTED_RATE);
  });

  it('given a recording that is too long by its own header, the decoder is not even started', async () => {
    await expect(decode('touch started', wavOf(241, 8_000))).rejects.toMatchObject({
      status: 422,
      code: 'recording_too_long',
      message: expect.stringContaining('241 s'),
    });
    expect(existsSync(join(cwd, 'started'))).toBe(false);
  });

  it('given a small recording that unfolds without end, the decoder is ended at the limit', async () => {
    await expect(decode('exec cat /dev/zero > "$3"', wavOf(1), 1 << 20)).rejects.toMatchObject({
      code: 'recording_too_long',
      message: expect.stringContaining('1048576 bytes'),
    });
    expect(statSync(join(cwd, 'pcm.wav')).size).toBe(1 << 20);
  });

  it('given more sound than the header claimed, it is refused before its samples are made', async () => {
    writeFileSync(join(cwd, 'long'), wavOf(500, 8_000));
    await expect(decode('cp long "$3"', wavOf(1))).rejects.toMatchObject({ code: 'recording_too_long' });
  });

  it('given a decoder that fails, its last words are told, and no path', async () => {
    const failed = decode('echo "Format not recognised."; exit 1', wavOf(1));
    await expect(failed).rejects.toMatchObject({
      code: 'unreadable_media',
      message: 'the recording cannot be decoded: Format not recognised.',
    });
  });

  it('given a client that leaves, its reason is thrown', async () => {
    const left = new AbortController();
    const decoding = decode('exec sleep 20', wavOf(1), undefined, left.signal);
    left.abort(new Error('gone'));
    await expect(decoding).rejects.toThrow('gone');
  });
});

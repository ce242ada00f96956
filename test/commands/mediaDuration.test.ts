import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mediaSeconds } from '../../src/commands/mediaDuration.js';
import { flacOf, mp3Of, oggPage, opusHead, vorbisHead, wavOf } from '../support/recordings.js';

const SPEECH = readFileSync(fileURLToPath(new URL('../fixtures/speech.flac', import.meta.url)));

describe('how long a recording is', () => {
  it.each([
    ['a WAV', 'audio/wav', wavOf(2.5), 2.5],
    ['a WAV that claims less than it has', 'audio/wav', wavOf(3, 8_000, 0), 3],
    ['a WAV that claims more than it has', 'audio/wav', wavOf(3, 8_000, 0xff_ff_ff_ff), 3],
    ['an MP3', 'audio/mpeg', mp3Of(100), (100 * 1_152) / 44_100],
    [
      'an MP3 with rubbish between its frames',
      'audio/mpeg',
      Buffer.concat([mp3Of(10), Buffer.alloc(333, 1), mp3Of(10)]),
      (20 * 1_152) / 44_100,
    ],
    ['a real FLAC', 'audio/flac', SPEECH, 42_960 / 16_000],
    ['a FLAC of more than 2³² samples', 'audio/flac', flacOf(5 * 2 ** 32), (5 * 2 ** 32) / 48_000],
    [
      'an Ogg Vorbis',
      'audio/ogg',
      Buffer.concat([
        oggPage(1, 0, vorbisHead(44_100)),
        oggPage(1, null, Buffer.alloc(9)),
        oggPage(1, 88_200, Buffer.alloc(9)),
      ]),
      2,
    ],
    [
      'an Ogg Opus',
      'audio/ogg',
      Buffer.concat([oggPage(1, 0, opusHead(312)), oggPage(1, 48_312, Buffer.alloc(9))]),
      1,
    ],
    [
      'two Ogg streams one after the other',
      'audio/ogg',
      Buffer.concat([
        oggPage(1, 0, vorbisHead(10)),
        oggPage(1, 30, Buffer.alloc(9)),
        oggPage(2, 0, vorbisHead(20)),
        oggPage(2, 40, Buffer.alloc(9)),
      ]),
      5,
    ],
  ] as const)('given %s, it is told from the bytes', (_what, mime, bytes, seconds) => {
    expect(mediaSeconds(bytes, mime)).toBeCloseTo(seconds, 6);
  });

  it.each([
    ['a WAV without sound', 'audio/wav', wavOf(1).subarray(0, 40)],
    ['an MP3 without a frame', 'audio/mpeg', Buffer.alloc(500, 0xff)],
    ['a FLAC that does not say', 'audio/flac', flacOf(0)],
    ['an Ogg without sound', 'audio/ogg', oggPage(1, 7, Buffer.from('\x80theora'))],
  ] as const)('given %s, it cannot be told', (_what, mime, bytes) => {
    expect(mediaSeconds(bytes, mime)).toBeUndefined();
  });

  it('given any bytes under any name, it ends with a length or without one, and never throws', () => {
    const starts = [wavOf(0.01), mp3Of(2), flacOf(9), oggPage(1, 9, vorbisHead(8))];
    fc.assert(
      fc.property(fc.nat(3), fc.uint8Array({ maxLength: 300 }), fc.nat(60), (start, noise, at) => {
        const bytes = Buffer.concat([starts[start] ?? Buffer.alloc(0), noise]);
        Buffer.from(noise).copy(bytes, at);
        for (const mime of ['audio/wav', 'audio/mpeg', 'audio/flac', 'audio/ogg']) {
          const seconds = mediaSeconds(bytes, mime);
          expect(seconds === undefined || seconds >= 0).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

import { describe, expect, it } from 'vitest';
import { samplesOf, splitAtPauses, WANTED_RATE } from '../../../src/embedded/services/wavSamples.js';
import { wavOf } from '../../support/recordings.js';

/** A tone where `loud` says so, silence elsewhere; seconds. */
function recording(
  seconds: number,
  loud: readonly (readonly [number, number])[],
  rate = WANTED_RATE,
): Buffer {
  const wav = wavOf(seconds, rate);
  for (const [from, to] of loud)
    for (let at = Math.round(from * rate); at < to * rate; at++)
      wav.writeInt16LE(Math.round(8_000 * Math.sin((at / rate) * 2 * Math.PI * 300)), 44 + at * 2);
  return wav;
}

describe('a recording for the recogniser', () => {
  it.each([8_000, 16_000, 22_050, 44_100, 48_000])(
    'given %i Hz, it becomes 16 kHz of the same length and loudness',
    (rate) => {
      const samples = samplesOf(recording(1, [[0, 1]], rate));
      expect(samples.length / WANTED_RATE).toBeCloseTo(1, 2);
      const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      expect(loudest).toBeGreaterThan(7_500);
      expect(loudest).toBeLessThanOrEqual(8_000);
    },
  );

  it('given speech with pauses, it is cut in the pauses', () => {
    const pieces = splitAtPauses(
      samplesOf(
        recording(12, [
          [1, 4],
          [6, 9],
        ]),
      ),
    );
    const seconds = pieces.map(({ start, end }) => [start / WANTED_RATE, end / WANTED_RATE]);
    expect(seconds).toHaveLength(2);
    for (const [at, [from, to]] of [
      [0, [1, 4]],
      [1, [6, 9]],
    ] as const) {
      expect(Math.abs((seconds[at]?.[0] ?? 0) - from)).toBeLessThan(0.3);
      expect(Math.abs((seconds[at]?.[1] ?? 0) - to)).toBeLessThan(0.3);
    }
  });

  it('given a minute without a pause, no piece is longer than 21 s and nothing is lost', () => {
    const pieces = splitAtPauses(samplesOf(recording(60, [[0, 60]])));
    expect(Math.max(...pieces.map(({ start, end }) => end - start)) / WANTED_RATE).toBeLessThan(21);
    expect(pieces[0]?.start).toBe(0);
    for (const [at, piece] of pieces.slice(1).entries()) expect(piece.start).toBe(pieces[at]?.end);
    expect((pieces.at(-1)?.end ?? 0) / WANTED_RATE).toBeGreaterThan(59.9);
  });

  it('given silence, there is nothing to hear', () => {
    expect(splitAtPauses(samplesOf(recording(5, [])))).toEqual([]);
  });

  it('given no sound in the file, it is refused', () => {
    expect(() => samplesOf(wavOf(1).subarray(0, 36))).toThrow(
      expect.objectContaining({ code: 'unreadable_media' }),
    );
  });

  it('given more than four minutes, it is refused by what they are', () => {
    expect(() => samplesOf(wavOf(241, 8_000))).toThrow(
      expect.objectContaining({
        status: 422,
        code: 'recording_too_long',
        message: expect.stringContaining('241 s'),
      }),
    );
  });

  it.each([1, 3_999, 192_001, 4_000_000_000])('given a sampling rate of %i, it is refused', (rate) => {
    const wav = wavOf(1, 8_000);
    wav.writeUInt32LE(rate, 24);
    expect(() => samplesOf(wav)).toThrow(expect.objectContaining({ code: 'unreadable_media' }));
  });

  it('given 65,535 channels, it is refused', () => {
    const wav = wavOf(1, 8_000);
    wav.writeUInt16LE(65_535, 22);
    expect(() => samplesOf(wav)).toThrow('65535 channels');
  });
});

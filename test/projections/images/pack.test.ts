import { randomBytes } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { pack } from '../../../src/projections/images/pack.js';

const SIZES = [0, 1, 2, 255, 256, 257, 511, 4_095, 4_096, 4_097, 20_000, 32_768, 200_000];

describe('packing an image', () => {
  it.each(SIZES)('given %i bytes that repeat, then any reader of raw deflate has them back', async (size) => {
    const bytes = Buffer.from('using UnityEngine;\n'.repeat(Math.ceil(size / 19) + 1)).subarray(0, size);
    expect(inflateRawSync(await pack(bytes)).equals(bytes)).toBe(true);
  });

  it.each(SIZES)('given %i bytes of noise, then any reader of raw deflate has them back', async (size) => {
    const bytes = randomBytes(size);
    expect(inflateRawSync(await pack(bytes)).equals(bytes)).toBe(true);
  });

  it('given the same bytes twice, then the same row', async () => {
    const bytes = randomBytes(5_000);
    expect((await pack(bytes)).equals(await pack(Buffer.from(bytes)))).toBe(true);
  });
});

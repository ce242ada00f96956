import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { RecognizedPage } from '../../../src/embedded/services/ocrEngine.js';
import { recognizeFile } from '../../../src/embedded/services/recognizeFile.js';
import { decodeTiff } from '../../../src/embedded/services/tiff.js';
import { type TiffPage, textPicture, tiffOf, tiffPage } from '../../support/textPicture.js';

const PICTURE = textPicture('TIFF 42', 3);
const { width, height, pixels } = PICTURE;
const pgm = (grey: Uint8Array) => Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`), grey]);

/** TIFF's LZW as an encoder writes it: it begins anew when its table is full. */
function lzw(bytes: Buffer): Buffer {
  const bits: string[] = [];
  let table = new Map<string, number>();
  let next = 258;
  let codeBits = 9;
  const put = (code: number) => bits.push(code.toString(2).padStart(codeBits, '0'));
  const clear = () => {
    put(256);
    table = new Map(Array.from({ length: 256 }, (_, code) => [String.fromCharCode(code), code]));
    next = 258;
    codeBits = 9;
  };
  clear();
  let run = '';
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    if (table.has(run + char)) {
      run += char;
      continue;
    }
    put(table.get(run) ?? 0);
    table.set(run + char, next++);
    // The decoder's table is one entry behind.
    if (next === 2 ** codeBits && codeBits < 12) codeBits++;
    if (next === 4_094) clear();
    run = char;
  }
  put(table.get(run) ?? 0);
  put(257);
  const all = bits.join('');
  return Buffer.from(
    Array.from({ length: Math.ceil(all.length / 8) }, (_, at) =>
      Number.parseInt(all.slice(at * 8, at * 8 + 8).padEnd(8, '0'), 2),
    ),
  );
}

function packBits(bytes: Buffer): Buffer {
  const parts: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    let run = 1;
    while (run < 128 && bytes[at + run] === bytes[at]) run++;
    parts.push(...(run > 1 ? [257 - run, bytes[at] ?? 0] : [0, bytes[at] ?? 0]));
    at += run;
  }
  return Buffer.from(parts);
}

const page = (data: Buffer, tags: Record<number, number>): TiffPage => ({ width, height, data, tags });

const decoded = (bytes: Buffer, maxPages: number): Buffer[] =>
  [...decodeTiff(bytes, maxPages)].map((decode) => decode());

describe('a TIFF for tesseract', () => {
  it.each([
    ['plain', page(pixels, {})],
    ['Deflate', page(deflateSync(pixels), { 259: 8 })],
    ['PackBits', page(packBits(pixels), { 259: 32_773 })],
    ['LZW', page(lzw(pixels), { 259: 5 })],
    ['white is zero', page(Buffer.from(pixels.map((value) => 255 - value)), { 262: 0 })],
    ['colour', page(Buffer.from([...pixels].flatMap((value) => [value, value, value])), { 262: 2, 277: 3 })],
  ])('given grey of 8 bits as %s, it is the same picture', (_what, one) => {
    expect(decoded(tiffOf([one]), 1)).toEqual([pgm(pixels)]);
  });

  it('given one bit a pixel, black stays black', () => {
    const rowBytes = Math.ceil(width / 8);
    const bits = Buffer.alloc(rowBytes * height);
    for (const [at, value] of pixels.entries())
      if (value > 0) {
        const byte = Math.floor(at / width) * rowBytes + ((at % width) >> 3);
        bits[byte] = (bits[byte] ?? 0) | (0x80 >> ((at % width) & 7));
      }
    expect(decoded(tiffOf([page(bits, { 258: 1 })]), 1)).toEqual([pgm(pixels)]);
  });

  it('given differences instead of values (predictor), they are added up', () => {
    const differences = Buffer.from(
      pixels.map((value, at) => (at % width === 0 ? value : (value - (pixels[at - 1] ?? 0)) & 0xff)),
    );
    expect(decoded(tiffOf([page(deflateSync(differences), { 259: 8, 317: 2 })]), 1)).toEqual([pgm(pixels)]);
  });

  it('given many pages, it takes as many as asked for', () => {
    expect(decoded(tiffOf([1, 2, 3].map(() => tiffPage(PICTURE))), 2)).toHaveLength(2);
  });

  it.each([
    ['a fax', tiffOf([page(pixels, { 259: 4 })])],
    ['16 bits', tiffOf([page(pixels, { 258: 16 })])],
    ['a page of a billion pixels', tiffOf([page(pixels, { 256: 100_000, 257: 100_000 })])],
    ['damaged data', tiffOf([page(Buffer.alloc(50, 3), { 259: 8 })])],
    ['a file cut off', tiffOf([tiffPage(PICTURE)]).subarray(0, -20)],
    ['a strip that covers half of it', tiffOf([page(pixels.subarray(0, pixels.length / 2), {})])],
    ['packed data for half of it', tiffOf([page(deflateSync(pixels.subarray(0, 99)), { 259: 8 })])],
    ['too few strips', tiffOf([page(pixels, { 278: 2 })])],
    ['strips of no rows', tiffOf([page(pixels, { 278: 0 })])],
    ['pixels of no samples', tiffOf([page(pixels, { 277: 0 })])],
    [
      'a page that is its own megabytes',
      tiffOf([page(Buffer.alloc(50), { 256: 8_000, 257: 8_000, 277: 4 })]),
    ],
    ['six bytes', Buffer.from('II*\0\0\0')],
  ])('given %s, it is refused by name', (_what, bytes) => {
    expect(() => decoded(bytes, 10)).toThrow(
      expect.objectContaining({ status: 422, code: 'unreadable_media' }),
    );
  });

  it('given pages that unfold to hundreds of MB, each is decoded in its turn and none before', async () => {
    const side = 6_000;
    const page36 = {
      width: side,
      height: side,
      data: deflateSync(Buffer.alloc(side * side, 255)),
      tags: { 259: 8 },
    };
    const bytes = tiffOf(Array.from({ length: 6 }, () => page36));
    expect(bytes.length).toBeLessThan(300_000);
    let made = 0;
    const recognize = async (picture: Buffer | (() => Buffer)): Promise<RecognizedPage> => {
      const decode = typeof picture === 'function' ? picture : () => picture;
      expect(decode().length).toBeGreaterThan(side * side);
      made++;
      return { text: `page ${made}`, confidence: 1, words: [] };
    };
    const file = { mime: 'image/tiff', bytes, signal: new AbortController().signal };
    expect(await recognizeFile({ recognize }, file, 'fast', 3)).toMatchObject([
      { page: 1, text: 'page 1' },
      { page: 2, text: 'page 2' },
      { page: 3, text: 'page 3' },
    ]);
    // The fourth passes 128 million pixels together.
    await expect(recognizeFile({ recognize }, file, 'fast', 10)).rejects.toMatchObject({
      code: 'unreadable_media',
      message: expect.stringContaining('together'),
    });
    expect(made, 'three of each go').toBe(6);
  }, 30_000);

  it('given a directory of 60,000 entries, it is refused', () => {
    const bytes = Buffer.alloc(8 + 2 + 60_000 * 12 + 4);
    bytes.write('II*\0', 0, 'latin1');
    bytes.writeUInt32LE(8, 4);
    bytes.writeUInt16LE(60_000, 8);
    expect(() => decoded(bytes, 1)).toThrow('60000 entries');
  });
});

import { deflateSync } from 'node:zlib';
import { GLYPH_HEIGHT, GLYPH_WIDTH, glyphRows } from '../../src/embedded/simulator/glyphs.js';

/** Grey pixels, row by row: 0 black, 255 white. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Buffer;
}

/** A text in black capitals on white, each of its 5 × 7 points `scale` pixels wide. */
export function textPicture(text: string, scale = 4): Picture {
  const margin = 3;
  const width = (text.length * (GLYPH_WIDTH + 1) + 2 * margin) * scale;
  const height = (GLYPH_HEIGHT + 2 * margin) * scale;
  const pixels = Buffer.alloc(width * height, 255);
  for (const [at, char] of [...text].entries())
    for (const [row, bits] of glyphRows(char).entries())
      for (let column = 0; column < GLYPH_WIDTH; column++) {
        if (((bits >> (GLYPH_WIDTH - 1 - column)) & 1) === 0) continue;
        const left = (at * (GLYPH_WIDTH + 1) + margin + column) * scale;
        for (let y = (row + margin) * scale; y < (row + margin + 1) * scale; y++)
          pixels.fill(0, y * width + left, y * width + left + scale);
      }
  return { width, height, pixels };
}

/** As a PNG of 8-bit grey. */
export function pngOf({ width, height, pixels }: Picture): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) pixels.copy(rows, y * (width + 1) + 1, y * width, (y + 1) * width);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), out.length - 4);
  return out;
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** One page of a TIFF: its packed pixels, and the tags that differ from 8-bit grey in one plain strip. */
export interface TiffPage {
  readonly width: number;
  readonly height: number;
  readonly data: Buffer;
  readonly tags?: Readonly<Record<number, number>>;
}

export const tiffPage = ({ width, height, pixels }: Picture): TiffPage => ({ width, height, data: pixels });

const SHORT = 3;
const LONG = 4;
const LONG_TAGS = new Set([256, 257, 273, 278, 279]);

/** A little-endian TIFF of so many pages. */
export function tiffOf(pages: readonly TiffPage[]): Buffer {
  const parts: Buffer[] = [Buffer.from('II*\0\0\0\0\0', 'latin1')];
  let at = 8;
  let link = { buffer: parts[0] ?? Buffer.alloc(0), at: 4 };
  for (const { width, height, data, tags } of pages) {
    const strip = data.length % 2 === 0 ? data : Buffer.concat([data, Buffer.alloc(1)]);
    const all = {
      256: width,
      257: height,
      258: 8,
      259: 1,
      262: 1,
      273: at,
      277: 1,
      278: height,
      279: data.length,
      ...tags,
    };
    const entries = Object.entries(all).map(([tag, value]) => [Number(tag), value] as const);
    const directory = Buffer.alloc(2 + entries.length * 12 + 4);
    directory.writeUInt16LE(entries.length, 0);
    for (const [index, [tag, value]] of entries.entries()) {
      const entry = 2 + index * 12;
      directory.writeUInt16LE(tag, entry);
      directory.writeUInt16LE(LONG_TAGS.has(tag) ? LONG : SHORT, entry + 2);
      directory.writeUInt32LE(1, entry + 4);
      directory.writeUInt32LE(value, entry + 8);
    }
    link.buffer.writeUInt32LE(at + strip.length, link.at);
    link = { buffer: directory, at: directory.length - 4 };
    parts.push(strip, directory);
    at += strip.length + directory.length;
  }
  return Buffer.concat(parts);
}

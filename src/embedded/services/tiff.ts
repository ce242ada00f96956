import { inflateSync } from 'node:zlib';
import { ServiceError } from './errors.js';
import { lzwBytes, packBitsBytes } from './tiffPacking.js';

/**
 * The pages of a TIFF as pictures that tesseract reads (PGM): grey, black and white, palette and colour of 8 bits, plain or packed by
 * PackBits, LZW or Deflate. Anything else is refused by name.
 */
export function decodeTiff(bytes: Buffer, maxPages: number): Buffer[] {
  const file = new TiffFile(bytes);
  const pages: Buffer[] = [];
  const seen = new Set<number>();
  for (let at = file.long(4); at !== 0 && pages.length < maxPages && !seen.has(at); ) {
    seen.add(at);
    const { tags, next } = file.directory(at);
    pages.push(pageOf(bytes, tags));
    at = next;
  }
  if (pages.length === 0) throw refuse('it has no pages');
  return pages;
}

const PIXELS_LIMIT = 64 * 1024 * 1024;
const TAG = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  offsets: 273,
  samples: 277,
  rowsPerStrip: 278,
  counts: 279,
  planar: 284,
  predictor: 317,
  palette: 320,
} as const;
type Tags = ReadonlyMap<number, readonly number[]>;
const TYPE_BYTES: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4 };
const VALUES_LIMIT = 100_000;

class TiffFile {
  readonly #view: DataView;
  readonly #little: boolean;

  constructor(bytes: Buffer) {
    if (bytes.length < 8) throw refuse('it is cut off');
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = bytes[0] === 0x49;
  }

  long(at: number): number {
    this.#inside(at, 4);
    return this.#view.getUint32(at, this.#little);
  }

  directory(at: number): { tags: Tags; next: number } {
    const entries = this.#short(at);
    const tags = new Map<number, readonly number[]>();
    for (let entry = at + 2; entry < at + 2 + entries * 12; entry += 12)
      tags.set(this.#short(entry), this.#values(entry));
    return { tags, next: this.long(at + 2 + entries * 12) };
  }

  #values(entry: number): number[] {
    const size = TYPE_BYTES[this.#short(entry + 2)];
    const count = this.long(entry + 4);
    if (size === undefined || count > VALUES_LIMIT) return [];
    const at = size * count <= 4 ? entry + 8 : this.long(entry + 8);
    this.#inside(at, size * count);
    return Array.from({ length: count }, (_, index) =>
      size === 1
        ? this.#view.getUint8(at + index)
        : size === 2
          ? this.#short(at + index * 2)
          : this.long(at + index * 4),
    );
  }

  #short(at: number): number {
    this.#inside(at, 2);
    return this.#view.getUint16(at, this.#little);
  }

  #inside(at: number, bytes: number): void {
    if (at + bytes > this.#view.byteLength) throw refuse('it is cut off');
  }
}

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly samples: number;
  readonly photometric: number;
  readonly predictor: number;
}

function pageOf(bytes: Buffer, tags: Tags): Buffer {
  const first = (tag: number, otherwise: number): number => tags.get(tag)?.[0] ?? otherwise;
  const layout: Layout = {
    width: first(TAG.width, 0),
    height: first(TAG.height, 0),
    bits: first(TAG.bits, 1),
    samples: first(TAG.samples, 1),
    photometric: first(TAG.photometric, 0),
    predictor: first(TAG.predictor, 1),
  };
  const { width, height, bits, samples } = layout;
  if (width === 0 || height === 0 || width * height > PIXELS_LIMIT)
    throw refuse(`a page of ${width} × ${height} pixels`);
  if ((bits !== 8 && !(bits === 1 && samples === 1)) || samples > 4 || first(TAG.planar, 1) !== 1)
    throw refuse(`${samples} samples of ${bits} bits`);
  const rowBytes = Math.ceil((width * bits * samples) / 8);
  const data = stripsOf(bytes, tags, rowBytes, layout, first(TAG.compression, 1));
  const palette = tags.get(TAG.palette) ?? [];
  const grey = Buffer.alloc(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) grey[y * width + x] = greyAt(data, y * rowBytes, x, layout, palette);
  return Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`), grey]);
}

function stripsOf(bytes: Buffer, tags: Tags, rowBytes: number, layout: Layout, compression: number): Buffer {
  const { height, predictor, samples } = layout;
  const offsets = tags.get(TAG.offsets) ?? [];
  const counts = tags.get(TAG.counts) ?? [];
  const rowsPerStrip = Math.min(height, tags.get(TAG.rowsPerStrip)?.[0] ?? height);
  const data = Buffer.alloc(rowBytes * height, 0);
  for (const [strip, offset] of offsets.entries()) {
    const at = strip * rowsPerStrip * rowBytes;
    if (at >= data.length) break;
    const wanted = Math.min(rowsPerStrip * rowBytes, data.length - at);
    unpack(bytes.subarray(offset, offset + (counts[strip] ?? 0)), compression, wanted).copy(
      data,
      at,
      0,
      wanted,
    );
  }
  if (predictor === 2)
    for (let row = 0; row < data.length; row += rowBytes)
      for (let x = samples; x < rowBytes; x++)
        data[row + x] = ((data[row + x] ?? 0) + (data[row + x - samples] ?? 0)) & 0xff;
  return data;
}

function unpack(strip: Buffer, compression: number, wantedBytes: number): Buffer {
  switch (compression) {
    case 1:
      return strip;
    case 5:
      return lzwBytes(strip, wantedBytes);
    case 8:
    case 32_946:
      try {
        return inflateSync(strip, { maxOutputLength: wantedBytes + 65_536 });
      } catch {
        throw refuse('its packed data is damaged');
      }
    case 32_773:
      return packBitsBytes(strip, wantedBytes);
    default:
      throw refuse(`its compression (${compression}) is not known here`);
  }
}

/** 0 black to 255 white. */
function greyAt(data: Buffer, row: number, x: number, layout: Layout, palette: readonly number[]): number {
  const { bits, samples, photometric } = layout;
  const value =
    bits === 1 ? (((data[row + (x >> 3)] ?? 0) >> (7 - (x & 7))) & 1) * 255 : (data[row + x * samples] ?? 0);
  if (photometric === 0) return 255 - value;
  if (photometric === 3) {
    const size = palette.length / 3;
    return luma(
      (palette[value] ?? 0) >> 8,
      (palette[size + value] ?? 0) >> 8,
      (palette[2 * size + value] ?? 0) >> 8,
    );
  }
  if (photometric === 2)
    return luma(value, data[row + x * samples + 1] ?? 0, data[row + x * samples + 2] ?? 0);
  return value;
}

const luma = (red: number, green: number, blue: number): number =>
  Math.round(red * 0.299 + green * 0.587 + blue * 0.114);
const refuse = (why: string): ServiceError =>
  new ServiceError(422, 'unreadable_media', `this TIFF cannot be read: ${why}`);

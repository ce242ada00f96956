import { inflateSync } from 'node:zlib';
import { ServiceError } from './errors.js';
import { lzwBytes, packBitsBytes } from './tiffPacking.js';

/** One page at a time keeps the memory to one page; all together keep the time. Ten A4 pages of 300 dpi have 87 million. */
const PIXELS_LIMIT = 64 * 1024 * 1024;
const ALL_PIXELS_LIMIT = 2 * PIXELS_LIMIT;
/** A page unpacked, before it is made grey. */
const UNPACKED_LIMIT_BYTES = 128 * 1024 * 1024;
const ENTRIES_LIMIT = 1_000;

/**
 * The pages of a TIFF as pictures that tesseract reads (PGM): grey, black and white, palette and colour of 8 bits, plain or packed by
 * PackBits, LZW or Deflate. Anything else is refused by name. A page is decoded when its function is called, and not before: decoded, a
 * file of a few KB may be hundreds of MB.
 */
export function* decodeTiff(bytes: Buffer, maxPages: number): Generator<() => Buffer> {
  const file = new TiffFile(bytes);
  const seen = new Set<number>();
  let pixels = 0;
  for (let at = file.long(4); at !== 0 && seen.size < maxPages && !seen.has(at); ) {
    seen.add(at);
    const { tags, next } = file.directory(at);
    const layout = layoutOf(tags);
    pixels += layout.width * layout.height;
    if (pixels > ALL_PIXELS_LIMIT)
      throw refuse(
        `its pages have more than ${ALL_PIXELS_LIMIT} pixels together; scale them down, or ask for fewer`,
      );
    yield () => pageOf(bytes, tags, layout);
    at = next;
  }
  if (seen.size === 0) throw refuse('it has no pages');
}

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
const KNOWN_TAGS: ReadonlySet<number> = new Set(Object.values(TAG));
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
    if (entries > ENTRIES_LIMIT) throw refuse(`a directory of ${entries} entries`);
    const tags = new Map<number, readonly number[]>();
    for (let entry = at + 2; entry < at + 2 + entries * 12; entry += 12) {
      const tag = this.#short(entry);
      if (KNOWN_TAGS.has(tag) && !tags.has(tag)) tags.set(tag, this.#values(entry));
    }
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
  readonly compression: number;
  readonly rowBytes: number;
}

function layoutOf(tags: Tags): Layout {
  const first = (tag: number, otherwise: number): number => tags.get(tag)?.[0] ?? otherwise;
  const width = first(TAG.width, 0);
  const height = first(TAG.height, 0);
  const bits = first(TAG.bits, 1);
  const samples = first(TAG.samples, 1);
  if (width === 0 || height === 0 || width * height > PIXELS_LIMIT)
    throw refuse(`a page of ${width} × ${height} pixels`);
  const known = bits === 8 || (bits === 1 && samples === 1);
  if (!known || samples < 1 || samples > 4 || first(TAG.planar, 1) !== 1)
    throw refuse(`${samples} samples of ${bits} bits`);
  const rowBytes = Math.ceil((width * bits * samples) / 8);
  if (rowBytes * height > UNPACKED_LIMIT_BYTES) throw refuse(`a page of ${rowBytes * height} bytes`);
  return {
    width,
    height,
    bits,
    samples,
    rowBytes,
    photometric: first(TAG.photometric, 0),
    predictor: first(TAG.predictor, 1),
    compression: first(TAG.compression, 1),
  };
}

interface Strip {
  readonly packed: Buffer;
  readonly firstRow: number;
  readonly rows: number;
}

/** Strip by strip, so that no more than one of them lies unpacked beside the picture. */
function pageOf(bytes: Buffer, tags: Tags, layout: Layout): Buffer {
  const { width, height, rowBytes, compression } = layout;
  const strips = stripsOf(bytes, tags, layout);
  const palette = tags.get(TAG.palette) ?? [];
  const header = Buffer.from(`P5\n${width} ${height}\n255\n`);
  const page = Buffer.alloc(header.length + width * height);
  header.copy(page);
  for (const { packed, firstRow, rows } of strips) {
    const data = unpack(packed, compression, rows * rowBytes);
    if (data.length < rows * rowBytes) throw uncovered();
    const plain = layout.predictor === 2 ? summed(data, rows, layout) : data;
    let to = header.length + firstRow * width;
    for (let row = 0; row < rows; row++)
      for (let x = 0; x < width; x++) page[to++] = greyAt(plain, row * rowBytes, x, layout, palette);
  }
  return page;
}

/** The strips in their order; refused, before anything is unpacked, where they cannot cover the page. */
function stripsOf(bytes: Buffer, tags: Tags, { height, rowBytes, compression }: Layout): Strip[] {
  const offsets = tags.get(TAG.offsets) ?? [];
  const counts = tags.get(TAG.counts) ?? [];
  const rowsPerStrip = Math.min(height, tags.get(TAG.rowsPerStrip)?.[0] ?? height);
  const growth = MOST_GROWTH[compression];
  if (growth === undefined) throw refuse(`its compression (${compression}) is not known here`);
  if (offsets.length * rowsPerStrip < height) throw uncovered();
  const strips: Strip[] = [];
  for (let firstRow = 0; firstRow < height; firstRow += rowsPerStrip) {
    const offset = offsets[strips.length] ?? 0;
    const packed = bytes.subarray(offset, offset + (counts[strips.length] ?? 0));
    const rows = Math.min(rowsPerStrip, height - firstRow);
    if (packed.length * growth < rows * rowBytes) throw uncovered();
    strips.push({ packed, firstRow, rows });
  }
  return strips;
}

/** Differences to the sample on the left, added up. */
function summed(data: Buffer, rows: number, { samples, rowBytes, compression }: Layout): Buffer {
  // Unpacked bytes are ours; those of a plain strip are the file itself.
  const sums = compression === 1 ? Buffer.from(data.subarray(0, rows * rowBytes)) : data;
  for (let row = 0; row < rows * rowBytes; row += rowBytes)
    for (let x = samples; x < rowBytes; x++)
      sums[row + x] = ((sums[row + x] ?? 0) + (sums[row + x - samples] ?? 0)) & 0xff;
  return sums;
}

/** How many bytes one packed byte can stand for at most, by compression. */
const MOST_GROWTH: Readonly<Record<number, number>> = { 1: 1, 5: 4_096, 8: 1_100, 32946: 1_100, 32773: 64 };

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
const uncovered = (): ServiceError => refuse('its strips do not cover the page');
const refuse = (why: string): ServiceError =>
  new ServiceError(422, 'unreadable_media', `this TIFF cannot be read: ${why}`);

/** Reads PNGs as textures have them: 8 bits a channel, indexed or in full colour, not interlaced. */
import { inflateSync } from 'node:zlib';

const SIGNATURE = '89504e470d0a1a0a';
/** Bytes a dot by colour type: RGB, indexed, RGBA. */
const BYTES: Readonly<Record<number, number>> = { 2: 3, 3: 1, 6: 4 };
const MAX_DOTS = 4096 * 4096;

export interface Texture {
  readonly width: number;
  readonly height: number;
  /** Rows from the top, four bytes a dot. */
  readonly rgba: Uint8Array;
}

/** Undefined for what is no such picture, or a damaged one. */
export function readPng(bytes: Buffer): Texture | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

function decode(bytes: Buffer): Texture | undefined {
  if (bytes.subarray(0, 8).toString('hex') !== SIGNATURE) return undefined;
  const parts = new Map<string, Buffer[]>();
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const name = bytes.toString('latin1', at + 4, at + 8);
    parts.set(name, [...(parts.get(name) ?? []), bytes.subarray(at + 8, at + 8 + length)]);
    at += length + 12;
  }
  const header = parts.get('IHDR')?.[0];
  if (header === undefined) return undefined;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const size = BYTES[header[9] ?? -1];
  if (size === undefined || header[8] !== 8 || header[12] !== 0 || width * height > MAX_DOTS)
    return undefined;
  const maxOutputLength = (width * size + 1) * height;
  const rows = unfilter(
    inflateSync(Buffer.concat(parts.get('IDAT') ?? []), { maxOutputLength }),
    width * size,
    size,
  );
  return { width, height, rgba: toRgba(rows, size, parts.get('PLTE')?.[0], parts.get('tRNS')?.[0]) };
}

/** Takes each row's filter away; the filter bytes themselves are left out. */
function unfilter(raw: Buffer, stride: number, size: number): Uint8Array {
  const height = Math.floor(raw.length / (stride + 1));
  const out = new Uint8Array(stride * height);
  for (let row = 0; row < height; row += 1) {
    const filter = raw[row * (stride + 1)] ?? 0;
    for (let at = 0; at < stride; at += 1) {
      const here = row * stride + at;
      const left = at < size ? 0 : (out[here - size] ?? 0);
      const above = row === 0 ? 0 : (out[here - stride] ?? 0);
      const corner = row === 0 || at < size ? 0 : (out[here - stride - size] ?? 0);
      out[here] = (raw[row * (stride + 1) + 1 + at] ?? 0) + predicted(filter, left, above, corner);
    }
  }
  return out;
}

function predicted(filter: number, left: number, above: number, corner: number): number {
  switch (filter) {
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return (left + above) >> 1;
    case 4: {
      const guess = left + above - corner;
      const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
      if (a <= b && a <= c) return left;
      return b <= c ? above : corner;
    }
    default:
      return 0;
  }
}

function toRgba(rows: Uint8Array, size: number, palette?: Buffer, alpha?: Buffer): Uint8Array {
  const out = new Uint8Array((rows.length / size) * 4);
  for (let from = 0, to = 0; from < rows.length; from += size, to += 4) {
    const index = rows[from] ?? 0;
    const [source, at] = size === 1 && palette !== undefined ? [palette, index * 3] : [rows, from];
    out[to] = source[at] ?? 0;
    out[to + 1] = source[at + 1] ?? 0;
    out[to + 2] = source[at + 2] ?? 0;
    out[to + 3] = size === 4 ? (rows[from + 3] ?? 255) : size === 1 ? (alpha?.[index] ?? 255) : 255;
  }
  return out;
}

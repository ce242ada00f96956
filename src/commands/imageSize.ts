import { LIMITS } from './limits.js';

/** A picture's size as its own header says it: what somebody claims about it is not believed. */
export interface ImageSize {
  readonly widthPx: number;
  readonly heightPx: number;
}

type Reader = (bytes: Buffer) => ImageSize | undefined;

const READERS: Readonly<Record<string, Reader>> = {
  'image/png': (bytes) =>
    bytes.toString('latin1', 12, 16) === 'IHDR' && bytes.length >= 24
      ? sized(bytes.readUInt32BE(16), bytes.readUInt32BE(20))
      : undefined,
  'image/jpeg': readJpeg,
  'image/gif': (bytes) =>
    bytes.length >= 10 ? sized(bytes.readUInt16LE(6), bytes.readUInt16LE(8)) : undefined,
  'image/bmp': readBmp,
  'image/x-tga': (bytes) =>
    bytes.length >= 18 ? sized(bytes.readUInt16LE(12), bytes.readUInt16LE(14)) : undefined,
  'image/vnd.adobe.photoshop': (bytes) =>
    bytes.length >= 22 ? sized(bytes.readUInt32BE(18), bytes.readUInt32BE(14)) : undefined,
  'image/tiff': (bytes) => largestPage(tiffPages(bytes)),
};

/** Whether a MIME type is one whose pixels are capped. */
export const isImage = (mime: string): boolean => mime in READERS;

/** Reads the header only; undefined for what is no picture, or a header that is cut off or says nothing. Of a TIFF, its largest page. */
export function imageSize(bytes: Uint8Array, mime: string): ImageSize | undefined {
  return READERS[mime]?.(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/** Segments and filling bytes before the frame header. */
const JPEG_MAX_STEPS = 65_536;

/** Walks the segments to the frame header (SOF0 to SOF15 without DHT, JPG and DAC), which holds height and width. */
function readJpeg(bytes: Buffer): ImageSize | undefined {
  let at = 2;
  for (let steps = 0; at + 9 <= bytes.length && steps < JPEG_MAX_STEPS; steps++) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      return sized(bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5));
    }
    const standalone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    at += standalone ? 2 : 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}

/** The oldest kind of BMP has 16-bit sizes; in the others a negative height means that rows come from the top. */
function readBmp(bytes: Buffer): ImageSize | undefined {
  if (bytes.length < 26) return undefined;
  return bytes.readUInt32LE(14) <= 16
    ? sized(bytes.readUInt16LE(18), bytes.readUInt16LE(20))
    : sized(Math.abs(bytes.readInt32LE(18)), Math.abs(bytes.readInt32LE(22)));
}

const TIFF_WIDTH = 256;
const TIFF_HEIGHT = 257;
const TIFF_SHORT = 3;
/** A scanner's directory has about 30. */
const TIFF_MAX_ENTRIES = 1_000;

/**
 * The pages of a TIFF, in order, at most one more than a service is sent; 0 × 0 for one that says no size. A directory that is cut off and
 * a chain that turns back end it; one with more than 1,000 entries makes the whole file unreadable (no pages).
 */
export function tiffPages(bytes: Uint8Array): ImageSize[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 8) return [];
  const little = view.getUint8(0) === 0x49;
  const pages: ImageSize[] = [];
  const seen = new Set<number>();
  for (let at = view.getUint32(4, little); at >= 8 && at + 2 <= view.byteLength; ) {
    if (seen.has(at) || pages.length > LIMITS.cvPages) break;
    seen.add(at);
    const entries = view.getUint16(at, little);
    if (entries > TIFF_MAX_ENTRIES) return [];
    const end = at + 2 + entries * 12;
    if (end + 4 > view.byteLength) break;
    pages.push(tiffPage(view, at + 2, end, little));
    at = view.getUint32(end, little);
  }
  return pages;
}

/** The size that the entries in [from, end) tell; the first of each kind counts. */
function tiffPage(view: DataView, from: number, end: number, little: boolean): ImageSize {
  let widthPx: number | undefined;
  let heightPx: number | undefined;
  for (let entry = from; entry < end; entry += 12) {
    const tag = view.getUint16(entry, little);
    if (tag === TIFF_WIDTH) widthPx ??= tiffValue(view, entry, little);
    if (tag === TIFF_HEIGHT) heightPx ??= tiffValue(view, entry, little);
  }
  return { widthPx: widthPx ?? 0, heightPx: heightPx ?? 0 };
}

function tiffValue(view: DataView, entry: number, little: boolean): number {
  return view.getUint16(entry + 2, little) === TIFF_SHORT
    ? view.getUint16(entry + 8, little)
    : view.getUint32(entry + 8, little);
}

/** The page with the most pixels; undefined when none has any. */
export function largestPage(pages: readonly ImageSize[]): ImageSize | undefined {
  const most = pages.reduce<ImageSize | undefined>(
    (found, page) => (found && found.widthPx * found.heightPx >= page.widthPx * page.heightPx ? found : page),
    undefined,
  );
  return most && sized(most.widthPx, most.heightPx);
}

function sized(widthPx: number, heightPx: number): ImageSize | undefined {
  return widthPx > 0 && heightPx > 0 ? { widthPx, heightPx } : undefined;
}

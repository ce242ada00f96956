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
  'image/tiff': (bytes) => largest(tiffPages(bytes)),
};

/** Whether a MIME type is one whose pixels are capped. */
export const isImage = (mime: string): boolean => mime in READERS;

/** Reads the header only; undefined for what is no picture, or a header that is cut off or says nothing. Of a TIFF, its largest page. */
export function imageSize(bytes: Uint8Array, mime: string): ImageSize | undefined {
  return READERS[mime]?.(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/** Walks the segments to the frame header (SOF0 to SOF15 without DHT, JPG and DAC), which holds height and width. */
function readJpeg(bytes: Buffer): ImageSize | undefined {
  let at = 2;
  while (at + 9 <= bytes.length) {
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
const TIFF_MAX_PAGES = 10_000;

/** The pages of a TIFF, in order; those whose directory is cut off or says no size are left out. A chain that turns back ends. */
export function tiffPages(bytes: Uint8Array): ImageSize[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 8) return [];
  const little = view.getUint8(0) === 0x49;
  const pages: ImageSize[] = [];
  const seen = new Set<number>();
  for (let at = view.getUint32(4, little); at >= 8 && at + 2 <= view.byteLength; ) {
    if (seen.has(at) || seen.size >= TIFF_MAX_PAGES) break;
    seen.add(at);
    const entries = view.getUint16(at, little);
    const end = at + 2 + entries * 12;
    if (end + 4 > view.byteLength) break;
    const value = (tag: number): number => tiffValue(view, at, entries, tag, little);
    const page = sized(value(TIFF_WIDTH), value(TIFF_HEIGHT));
    if (page) pages.push(page);
    at = view.getUint32(end, little);
  }
  return pages;
}

function tiffValue(view: DataView, at: number, entries: number, tag: number, little: boolean): number {
  for (let entry = at + 2; entry < at + 2 + entries * 12; entry += 12) {
    if (view.getUint16(entry, little) !== tag) continue;
    return view.getUint16(entry + 2, little) === TIFF_SHORT
      ? view.getUint16(entry + 8, little)
      : view.getUint32(entry + 8, little);
  }
  return 0;
}

function largest(pages: readonly ImageSize[]): ImageSize | undefined {
  return pages.reduce<ImageSize | undefined>(
    (most, page) => (most && most.widthPx * most.heightPx >= page.widthPx * page.heightPx ? most : page),
    undefined,
  );
}

function sized(widthPx: number, heightPx: number): ImageSize | undefined {
  return widthPx > 0 && heightPx > 0 ? { widthPx, heightPx } : undefined;
}

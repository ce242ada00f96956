/**
 * What a file really is, from its own bytes: neither a name nor a Content-Type is believed. Every MIME type of mimeTypes.ts that has a
 * mark of its own is told apart; text has none, so whatever is text is `text/plain` here and `bytesAreOf` looks closer.
 */
type Mark = (bytes: Buffer) => boolean;

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const DIB_HEADER_BYTES = new Set([12, 16, 40, 52, 56, 64, 108, 124]);
const TGA_FOOTER = 'TRUEVISION-XFILE.\0';
const TGA_KINDS = new Set([1, 2, 3, 9, 10, 11]);
const TGA_DEPTHS = new Set([8, 15, 16, 24, 32]);

const ascii =
  (text: string, at = 0): Mark =>
  (bytes) =>
    bytes.toString('latin1', at, at + text.length) === text;

/** Looked at in this order: the strict ones first, TGA (which has no mark at its head) last. */
const MARKS: readonly (readonly [mime: string, mark: Mark])[] = [
  ['image/png', (bytes) => bytes.subarray(0, 8).equals(PNG)],
  ['image/jpeg', (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff],
  ['image/gif', (bytes) => ascii('GIF87a')(bytes) || ascii('GIF89a')(bytes)],
  [
    'image/bmp',
    (bytes) => ascii('BM')(bytes) && bytes.length >= 18 && DIB_HEADER_BYTES.has(bytes.readUInt32LE(14)),
  ],
  ['image/vnd.adobe.photoshop', ascii('8BPS\0\x01')],
  ['image/tiff', (bytes) => ascii('II*\0')(bytes) || ascii('MM\0*')(bytes)],
  ['audio/wav', (bytes) => ascii('RIFF')(bytes) && ascii('WAVE', 8)(bytes)],
  ['audio/ogg', ascii('OggS\0')],
  ['audio/flac', (bytes) => ascii('fLaC')(bytes) && ((bytes[4] ?? 0xff) & 0x7f) === 0],
  ['audio/mpeg', isMp3],
  ['font/otf', ascii('OTTO\0')],
  ['font/ttf', (bytes) => ascii('\0\x01\0\0\0')(bytes) || ascii('true\0')(bytes)],
  ['model/fbx', (bytes) => ascii('Kaydara FBX Binary  \0')(bytes) || ascii('; FBX ')(bytes)],
  ['model/gltf-binary', ascii('glTF\x02\0\0\0')],
  ['image/x-tga', isTga],
];

/** The MIME type that the bytes' own mark tells; `text/plain` for text of any kind; undefined when nothing is recognised. */
export function sniffMime(bytes: Uint8Array): string | undefined {
  const view = bufferOf(bytes);
  for (const [mime, mark] of MARKS) if (mark(view)) return mime;
  return textOf(bytes) === undefined ? undefined : 'text/plain';
}

/** Whether the bytes may be called that: their mark says so, or, for kinds of text, they read as such text. */
export function bytesAreOf(bytes: Uint8Array, mime: string): boolean {
  const sniffed = sniffMime(bytes);
  const reads = TEXT_KINDS.get(mime);
  if (!reads) return sniffed === mime;
  const text = sniffed === 'text/plain' ? textOf(bytes) : undefined;
  return text !== undefined && reads(text);
}

const TEXT_KINDS: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ['text/plain', () => true],
  ['text/csv', () => true],
  ['application/json', isJson],
  // A model without a single vertex is none.
  ['model/obj', (text: string) => /^v[ \t]+[-+.\d]/m.test(text)],
]);

/** UTF-8 without NUL; undefined for anything else. A byte order mark is allowed and dropped. */
function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.byteLength === 0 || bufferOf(bytes).includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** An ID3v2 tag, or the header of an MPEG audio frame of layer III with a known bit rate and sampling rate. */
function isMp3(bytes: Buffer): boolean {
  if (ascii('ID3')(bytes)) return bytes.length >= 10 && (bytes[3] ?? 0xff) <= 4 && (bytes[6] ?? 0xff) < 0x80;
  const [sync = 0, layer = 0, rates = 0] = bytes;
  const isLayer3 = sync === 0xff && (layer & 0xe0) === 0xe0 && (layer & 0x06) === 0x02;
  const isKnownVersion = (layer & 0x18) !== 0x08;
  const bitRate = rates >> 4;
  return isLayer3 && isKnownVersion && bitRate !== 0 && bitRate !== 15 && (rates & 0x0c) !== 0x0c;
}

/** The footer of version 2, or a header of version 1 whose every field makes sense and whose pixels fit into the file. */
function isTga(bytes: Buffer): boolean {
  if (bytes.length < 18) return false;
  const [, map = 0xff, kind = 0xff] = bytes;
  const depth = bytes[16] ?? 0;
  const area = bytes.readUInt16LE(12) * bytes.readUInt16LE(14);
  if (map > 1 || !TGA_KINDS.has(kind) || !TGA_DEPTHS.has(depth) || area === 0) return false;
  if (bytes.toString('latin1', bytes.length - TGA_FOOTER.length) === TGA_FOOTER) return true;
  const isPacked = kind >= 9;
  const needs = isPacked ? Math.ceil(area / 128) : area * Math.ceil(depth / 8);
  return ((bytes[17] ?? 0xff) & 0xc0) === 0 && bytes.length >= 18 + needs;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

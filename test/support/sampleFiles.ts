import { deflateSync } from 'node:zlib';

/** Small real files of each kind, made here so that each test says what it needs. */

/** A PNG header of any claimed size, with the image of a single grey row behind it. */
export function png(widthPx = 2, heightPx = 2): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(widthPx, 0);
  header.writeUInt32BE(heightPx, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const pixels = deflateSync(Buffer.alloc(Math.min(heightPx, 64) * (Math.min(widthPx, 64) + 1), 0));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', pixels),
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
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** Silence, 8 kHz, 8 bits, mono. */
export function wav(samples = 800): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + samples, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8_000, 24);
  header.writeUInt32LE(8_000, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples, 40);
  return Buffer.concat([header, Buffer.alloc(samples, 0x80)]);
}

/** A binary FBX: its mark, its version, and bytes that are no text. */
export function fbx(mark = 7): Buffer {
  return Buffer.concat([
    Buffer.from('Kaydara FBX Binary  \0\x1a\0', 'latin1'),
    Buffer.from([0xe8, 0x1c, 0, 0]),
    Buffer.alloc(200, mark),
  ]);
}

export const OBJ = Buffer.from('o Tri\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n');

export function jpeg(widthPx: number, heightPx: number): Buffer {
  const frame = Buffer.from([0xff, 0xc0, 0, 11, 8, 0, 0, 0, 0, 1, 1, 0x11, 0]);
  frame.writeUInt16BE(heightPx, 5);
  frame.writeUInt16BE(widthPx, 7);
  const app0 = Buffer.from([0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]);
  return Buffer.concat([Buffer.from([0xff, 0xd8]), app0, frame, Buffer.from([0xff, 0xd9])]);
}

export function bmp(widthPx: number, heightPx: number): Buffer {
  const out = Buffer.alloc(64);
  out.write('BM', 0, 'latin1');
  out.writeUInt32LE(40, 14);
  out.writeInt32LE(widthPx, 18);
  out.writeInt32LE(heightPx, 22);
  return out;
}

/** One directory a page, in either byte order. */
export function tiff(pages: readonly (readonly [number, number])[], little = true): Buffer {
  const size = 2 + 2 * 12 + 4;
  const out = Buffer.alloc(8 + pages.length * size);
  const u16 = (value: number, at: number) =>
    little ? out.writeUInt16LE(value, at) : out.writeUInt16BE(value, at);
  const u32 = (value: number, at: number) =>
    little ? out.writeUInt32LE(value, at) : out.writeUInt32BE(value, at);
  out.write(little ? 'II' : 'MM', 0, 'latin1');
  u16(42, 2);
  u32(8, 4);
  pages.forEach(([widthPx, heightPx], page) => {
    const at = 8 + page * size;
    u16(2, at);
    u16(256, at + 2);
    u16(4, at + 4);
    u32(1, at + 6);
    u32(widthPx, at + 10);
    u16(257, at + 14);
    u16(3, at + 16);
    u32(1, at + 18);
    u16(heightPx, at + 22);
    u32(page + 1 < pages.length ? at + size : 0, at + 26);
  });
  return out;
}

export function tga(widthPx: number, heightPx: number): Buffer {
  const header = Buffer.alloc(18);
  header[2] = 2;
  header.writeUInt16LE(widthPx, 12);
  header.writeUInt16LE(heightPx, 14);
  header[16] = 24;
  return Buffer.concat([header, Buffer.alloc(widthPx * heightPx * 3, 9)]);
}

export function psd(widthPx: number, heightPx: number): Buffer {
  const out = Buffer.alloc(30);
  out.write('8BPS\0\x01', 0, 'latin1');
  out.writeUInt32BE(heightPx, 14);
  out.writeUInt32BE(widthPx, 18);
  return out;
}

export function gif(widthPx: number, heightPx: number): Buffer {
  const out = Buffer.alloc(14);
  out.write('GIF89a', 0, 'latin1');
  out.writeUInt16LE(widthPx, 6);
  out.writeUInt16LE(heightPx, 8);
  return out;
}

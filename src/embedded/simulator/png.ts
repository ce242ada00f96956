/** A small PNG encoder: 8-bit RGB, one IDAT, filter "up" on every row (the sky and the ground are vertical gradients). */

import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const CHANNELS = 3;
const FILTER_UP = 2;

const deflateAsync = promisify(deflate);

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Rows from the top, three bytes a pixel. */
  readonly rgb: Uint8Array;
}

export async function encodePng(picture: Picture): Promise<Buffer> {
  const stride = picture.width * CHANNELS;
  const filtered = Buffer.allocUnsafe((stride + 1) * picture.height);
  for (let row = 0; row < picture.height; row += 1) {
    const out = row * (stride + 1);
    const here = row * stride;
    filtered[out] = FILTER_UP;
    for (let byte = 0; byte < stride; byte += 1) {
      const above = row === 0 ? 0 : (picture.rgb[here - stride + byte] ?? 0);
      filtered[out + 1 + byte] = (picture.rgb[here + byte] ?? 0) - above;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(picture.width, 0);
  header.writeUInt32BE(picture.height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const data = await deflateAsync(filtered, { level: 3 });
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const framed = Buffer.alloc(data.length + 12);
  framed.writeUInt32BE(data.length, 0);
  framed.write(type, 4, 'latin1');
  data.copy(framed, 8);
  framed.writeUInt32BE(crc32(framed.subarray(4, 8 + data.length)), 8 + data.length);
  return framed;
}

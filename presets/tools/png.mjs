/** Indexed PNGs: at most 256 colours, one byte a dot. */
import { crc32, deflateSync } from 'node:zlib';

function chunk(type, data) {
  const framed = Buffer.alloc(data.length + 12);
  framed.writeUInt32BE(data.length, 0);
  framed.write(type, 4, 'latin1');
  data.copy(framed, 8);
  framed.writeUInt32BE(crc32(framed.subarray(4, 8 + data.length)), 8 + data.length);
  return framed;
}

/** `picture` is {width, height, palette: [[r, g, b, a]], dots: Uint8Array}; every dot becomes `scale` × `scale` pixels. */
export function encodePng({ width, height, palette, dots }, scale) {
  const stride = width * scale + 1;
  const raw = Buffer.alloc(stride * height * scale);
  for (let y = 0; y < height * scale; y += 1)
    for (let x = 0; x < width * scale; x += 1)
      raw[y * stride + 1 + x] = dots[Math.floor(y / scale) * width + Math.floor(x / scale)];
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width * scale, 0);
  header.writeUInt32BE(height * scale, 4);
  header.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flatMap((colour) => colour.slice(0, 3)))),
    chunk('tRNS', Buffer.from(palette.map(([, , , a]) => a))),
    chunk('IDAT', deflateSync(raw, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

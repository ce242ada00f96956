/** Decodes the PNGs of the simulator independently of its encoder: signature, chunks with CRC, filters 0 and 2. */
import { crc32, inflateSync } from 'node:zlib';

export interface Decoded {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue of a pixel. */
  pixel(x: number, y: number): [number, number, number];
  readonly rgb: Buffer;
}

export function decodePng(png: Buffer): Decoded {
  if (png.subarray(0, 8).toString('hex') !== '89504e470d0a1a0a') throw new Error('no PNG signature');
  const data: Buffer[] = [];
  let header = Buffer.alloc(0);
  let last = '';
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    last = png.toString('latin1', at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (crc32(png.subarray(at + 4, at + 8 + length)) !== png.readUInt32BE(at + 8 + length))
      throw new Error('bad CRC');
    if (last === 'IHDR') header = Buffer.from(body);
    if (last === 'IDAT') data.push(body);
    at += length + 12;
  }
  if (last !== 'IEND' || header.toString('hex', 8) !== '0802000000') throw new Error('not an 8-bit RGB PNG');
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const raw = inflateSync(Buffer.concat(data));
  const stride = width * 3;
  if (raw.length !== (stride + 1) * height) throw new Error('wrong number of bytes');
  const rgb = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)];
    if (filter !== 0 && filter !== 2) throw new Error(`filter ${filter}`);
    for (let x = 0; x < stride; x += 1) {
      const above = filter === 2 && y > 0 ? (rgb[(y - 1) * stride + x] ?? 0) : 0;
      rgb[y * stride + x] = (raw[y * (stride + 1) + 1 + x] ?? 0) + above;
    }
  }
  return {
    width,
    height,
    rgb,
    pixel: (x, y) => {
      const at = (y * width + x) * 3;
      return [rgb[at] ?? 0, rgb[at + 1] ?? 0, rgb[at + 2] ?? 0];
    },
  };
}

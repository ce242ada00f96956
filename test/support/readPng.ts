import { crc32, inflateSync } from 'node:zlib';

export interface IndexedPng {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, alpha of each dot, rows from the top. */
  readonly rgba: Uint8Array;
}

/** Decodes an 8-bit indexed PNG whose rows are not filtered; throws at anything that is not one. */
export function readPng(bytes: Uint8Array): IndexedPng {
  const data = Buffer.from(bytes);
  if (data.subarray(0, 8).toString('hex') !== '89504e470d0a1a0a') throw new Error('no PNG signature');
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < data.length; ) {
    const length = data.readUInt32BE(at);
    const framed = data.subarray(at + 4, at + 8 + length);
    if (crc32(framed) !== data.readUInt32BE(at + 8 + length)) throw new Error('a chunk is damaged');
    chunks.set(framed.subarray(0, 4).toString('latin1'), framed.subarray(4));
    at += length + 12;
  }
  const chunk = (name: string): Buffer => {
    const found = chunks.get(name);
    if (!found) throw new Error(`no ${name} chunk`);
    return found;
  };
  const header = chunk('IHDR');
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  if (header[8] !== 8 || header[9] !== 3) throw new Error('not an 8-bit indexed picture');
  const rows = inflateSync(chunk('IDAT'));
  if (rows.length !== (width + 1) * height)
    throw new Error('the picture has another size than its header says');
  const [palette, alpha] = [chunk('PLTE'), chunk('tRNS')];
  const rgba = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y += 1) {
    if (rows[y * (width + 1)] !== 0) throw new Error('a filtered row');
    for (let x = 0; x < width; x += 1) {
      const index = rows[y * (width + 1) + 1 + x] ?? 0;
      const place = (y * width + x) * 4;
      for (let part = 0; part < 3; part += 1) rgba[place + part] = palette[index * 3 + part] ?? 0;
      rgba[place + 3] = alpha[index] ?? 255;
    }
  }
  chunk('IEND');
  return { width, height, rgba };
}

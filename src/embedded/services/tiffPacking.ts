/** PackBits: a count byte, then so many bytes as they are, or one byte so many times. Stops at `wantedBytes`; fewer where the data end. */
export function packBitsBytes(packed: Buffer, wantedBytes: number): Buffer {
  const out = Buffer.alloc(wantedBytes);
  let to = 0;
  for (let at = 0; at < packed.length && to < wantedBytes; ) {
    const count = packed.readInt8(at++);
    if (count >= 0) {
      to += packed.copy(out, to, at, at + count + 1);
      at += count + 1;
    } else if (count !== -128) {
      out.fill(packed[at++] ?? 0, to, to + 1 - count);
      to += 1 - count;
    }
  }
  return out.subarray(0, to);
}

const CLEAR = 256;
const END = 257;

/** TIFF's LZW: most significant bit first, codes of 9 to 12 bits, wider one code early. Stops at `wantedBytes`; fewer where the data end. */
export function lzwBytes(packed: Buffer, wantedBytes: number): Buffer {
  const out = Buffer.alloc(wantedBytes);
  const starts = new Uint32Array(4_096);
  const lengths = new Uint16Array(4_096);
  let to = 0;
  let next = END + 1;
  let width = 9;
  for (let bit = 0; bit + width <= packed.length * 8 && to < wantedBytes; ) {
    const code = bitsAt(packed, bit, width);
    bit += width;
    if (code === END) break;
    if (code === CLEAR) {
      next = END + 1;
      width = 9;
      continue;
    }
    const start = to;
    if (code < CLEAR) out[to++] = code;
    else {
      // The code that is just being made is the previous one and its own first byte again: the bytes follow each other in `out`.
      const from = starts[code] ?? 0;
      const length = code < next ? (lengths[code] ?? 0) : 0;
      if (length === 0) break;
      for (let index = 0; index < length && to < wantedBytes; index++) out[to++] = out[from + index] ?? 0;
    }
    // What the next code will mean: everything from here on, one byte longer than this code.
    if (next < 4_096) {
      starts[next] = start;
      lengths[next] = to - start + 1;
      next++;
    }
    if (next >= 2 ** width && width < 12) width++;
  }
  return out.subarray(0, to);
}

function bitsAt(bytes: Buffer, bit: number, width: number): number {
  const at = bit >> 3;
  const three = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  return (three >> (24 - width - (bit & 7))) & (2 ** width - 1);
}

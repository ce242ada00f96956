/** Recordings of a given length, made of headers and silence: what tells how long they are, and nothing to hear. */

/** PCM of 16 bits, mono. `claimed`: what the data chunk says instead of the truth. */
export function wavOf(seconds: number, rate = 16_000, claimed?: number): Buffer {
  const bytes = Math.round(seconds * rate) * 2;
  const out = Buffer.alloc(44 + bytes);
  out.write('RIFF', 0, 'latin1');
  out.writeUInt32LE(36 + bytes, 4);
  out.write('WAVEfmt ', 8, 'latin1');
  out.writeUInt32LE(16, 16);
  out.writeUInt16LE(1, 20);
  out.writeUInt16LE(1, 22);
  out.writeUInt32LE(rate, 24);
  out.writeUInt32LE(rate * 2, 28);
  out.writeUInt16LE(2, 32);
  out.writeUInt16LE(16, 34);
  out.write('data', 36, 'latin1');
  out.writeUInt32LE(claimed ?? bytes, 40);
  return out;
}

/** MPEG 1 layer III frames at 44.1 kHz and 32 kbit/s, behind an ID3 tag. */
export function mp3Of(frames: number): Buffer {
  const frame = Buffer.alloc(104);
  frame.writeUInt32BE(0xff_fb_10_00, 0);
  const tag = Buffer.alloc(10 + 200);
  tag.write('ID3\x04', 0, 'latin1');
  tag.writeUInt8(1, 8);
  tag.writeUInt8(200 - 128, 9);
  return Buffer.concat([tag, ...Array.from({ length: frames }, () => frame)]);
}

/** STREAMINFO alone. */
export function flacOf(samples: number, rate = 48_000): Buffer {
  const out = Buffer.alloc(42);
  out.write('fLaC', 0, 'latin1');
  out.writeUInt8(0x80, 4);
  out.writeUInt8(34, 7);
  out.writeUIntBE(rate << 4, 18, 3);
  out.writeUInt8(Math.floor(samples / 2 ** 32) & 0x0f, 21);
  out.writeUInt32BE(samples % 2 ** 32, 22);
  return out;
}

/** One page of a logical stream with one packet; `granule` null: no packet ends on it. */
export function oggPage(serial: number, granule: number | null, packet: Buffer): Buffer {
  const head = Buffer.alloc(28);
  head.write('OggS', 0, 'latin1');
  head.writeBigUInt64LE(granule === null ? 0xff_ff_ff_ff_ff_ff_ff_ffn : BigInt(granule), 6);
  head.writeUInt32LE(serial, 14);
  head.writeUInt8(1, 26);
  head.writeUInt8(packet.length, 27);
  return Buffer.concat([head, packet]);
}

export function vorbisHead(rate: number): Buffer {
  const packet = Buffer.alloc(30);
  packet.write('\x01vorbis', 0, 'latin1');
  packet.writeUInt32LE(rate, 12);
  return packet;
}

export function opusHead(skip: number): Buffer {
  const packet = Buffer.alloc(19);
  packet.write('OpusHead', 0, 'latin1');
  packet.writeUInt16LE(skip, 10);
  return packet;
}

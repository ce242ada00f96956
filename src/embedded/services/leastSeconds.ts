/**
 * Seconds that a recording lasts at least, from its headers, before anything is decoded: too many of them are reason enough to refuse it.
 * 0 where they say nothing. Pure, a bounded number of steps.
 */
export function leastSeconds(bytes: Buffer, mime: string): number {
  const seconds = READERS[mime]?.(bytes) ?? 0;
  return Number.isFinite(seconds) ? seconds : 0;
}

const READERS: Readonly<Record<string, (bytes: Buffer) => number>> = {
  'audio/wav': wavSeconds,
  'audio/flac': flacSeconds,
  'audio/ogg': oggSeconds,
  'audio/mpeg': mp3Seconds,
};

const MAX_CHUNKS = 1_000;

/** Bytes of `data` that are there, by the bytes a second of `fmt `. */
function wavSeconds(bytes: Buffer): number {
  let bytesPerSecond = 0;
  let at = 12;
  for (let chunks = 0; at + 8 <= bytes.length && chunks < MAX_CHUNKS; chunks++) {
    const name = bytes.toString('latin1', at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    if (name === 'fmt ' && at + 24 <= bytes.length)
      bytesPerSecond = bytes.readUInt32LE(at + 12) * bytes.readUInt16LE(at + 20);
    if (name === 'data') return Math.min(size, bytes.length - at - 8) / bytesPerSecond;
    at += 8 + size + (size & 1);
  }
  return 0;
}

/** STREAMINFO: 20 bits of sampling rate, 36 bits of samples. */
function flacSeconds(bytes: Buffer): number {
  if (bytes.length < 26 || bytes.toString('latin1', 0, 4) !== 'fLaC') return 0;
  const samples = (bytes.readUInt8(21) & 0x0f) * 2 ** 32 + bytes.readUInt32BE(22);
  return samples / (bytes.readUIntBE(18, 3) >> 4);
}

const OGG_PAGE_BYTES = 65_307;
const NO_GRANULE = 0xff_ff_ff_ff_ff_ff_ff_ffn;
const OPUS_RATE = 48_000;

/** The position of the last page, by the rate that the first packet tells. */
function oggSeconds(bytes: Buffer): number {
  if (bytes.length < 27) return 0;
  const packet = bytes.subarray(27 + bytes.readUInt8(26));
  const isVorbis = packet.toString('latin1', 0, 7) === '\x01vorbis' && packet.length >= 16;
  const isOpus = packet.toString('latin1', 0, 8) === 'OpusHead';
  const last = bytes.lastIndexOf('OggS', undefined, 'latin1');
  if ((!isVorbis && !isOpus) || last < bytes.length - OGG_PAGE_BYTES || last + 14 > bytes.length) return 0;
  const granule = bytes.readBigUInt64LE(last + 6);
  return granule === NO_GRANULE ? 0 : Number(granule) / (isOpus ? OPUS_RATE : packet.readUInt32LE(12));
}

/** 320 kbit/s, the most there is. */
const MP3_MOST_BYTES_A_SECOND = 40_000;

/** What is left behind the ID3 tag at the highest bit rate: longer it may be, shorter not. */
function mp3Seconds(bytes: Buffer): number {
  const tagged = bytes.toString('latin1', 0, 3) === 'ID3' && bytes.length >= 10;
  const [a = 0, b = 0, c = 0, d = 0] = tagged ? bytes.subarray(6, 10) : [];
  const tag = tagged ? 10 + ((a & 0x7f) << 21) + ((b & 0x7f) << 14) + ((c & 0x7f) << 7) + (d & 0x7f) : 0;
  return Math.max(0, bytes.length - tag) / MP3_MOST_BYTES_A_SECOND;
}

import { mp3Seconds } from './mp3Duration.js';

/**
 * How long a recording is, from its own bytes: headers, and where a header could claim anything (WAV, MP3, Ogg) what really follows it.
 * Pure, bounded in its steps whatever the bytes. Undefined: it cannot be told.
 */
export function mediaSeconds(bytes: Uint8Array, mime: string): number | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const seconds = READERS[mime]?.(view);
  return seconds !== undefined && Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

const READERS: Readonly<Record<string, (bytes: Buffer) => number | undefined>> = {
  'audio/wav': wavSeconds,
  'audio/mpeg': mp3Seconds,
  'audio/ogg': oggSeconds,
  'audio/flac': flacSeconds,
};

/** Real ones have a dozen. */
const WAV_MAX_CHUNKS = 1_000;

/** `fmt ` tells bytes a second, `data` how many there are; a stream's claim (0 or 2³² − 1) is replaced by what is there. */
function wavSeconds(bytes: Buffer): number | undefined {
  let bytesPerSecond = 0;
  let at = 12;
  for (let chunks = 0; at + 8 <= bytes.length && chunks < WAV_MAX_CHUNKS; chunks++) {
    const name = bytes.toString('latin1', at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    const there = bytes.length - at - 8;
    if (name === 'fmt ' && size >= 16 && there >= 16)
      bytesPerSecond = bytes.readUInt32LE(at + 12) * bytes.readUInt16LE(at + 20);
    if (name === 'data')
      return bytesPerSecond === 0 ? undefined : (size === 0 ? there : Math.min(size, there)) / bytesPerSecond;
    at += 8 + size + (size & 1);
  }
  return undefined;
}

/** STREAMINFO: 20 bits of sampling rate, 36 bits of samples; 0 samples: unknown. */
function flacSeconds(bytes: Buffer): number | undefined {
  if (bytes.length < 42) return undefined;
  const rate = bytes.readUIntBE(18, 3) >> 4;
  const samples = (bytes.readUInt8(21) & 0x0f) * 2 ** 32 + bytes.readUInt32BE(22);
  return rate === 0 || samples === 0 ? undefined : samples / rate;
}

interface OggStream {
  readonly rate: number;
  /** Opus counts samples before the first that is heard. */
  readonly skip: number;
  granule: number;
}

const OGG_HEADER_BYTES = 27;
const NO_GRANULE = 0xff_ff_ff_ff_ff_ff_ff_ffn;
const OPUS_RATE = 48_000;

/** 15 minutes with a page for every packet of 20 ms are 45,000. */
const OGG_MAX_PAGES = 100_000;
const OGG_MAX_STREAMS = 100;

/** Page by page: the newest position of each logical stream, in its own sampling rate. Streams that follow each other add up. */
function oggSeconds(bytes: Buffer): number | undefined {
  const streams = new Map<number, OggStream>();
  let pages = 0;
  for (let at = 0; at + OGG_HEADER_BYTES <= bytes.length; ) {
    if (++pages > OGG_MAX_PAGES || streams.size > OGG_MAX_STREAMS) return undefined;
    if (bytes.toString('latin1', at, at + 4) !== 'OggS') break;
    const segments = bytes.readUInt8(at + 26);
    const body = at + OGG_HEADER_BYTES + segments;
    if (body > bytes.length) break;
    const serial = bytes.readUInt32LE(at + 14);
    const stream = streams.get(serial) ?? openOgg(bytes.subarray(body));
    if (stream) {
      streams.set(serial, stream);
      const granule = bytes.readBigUInt64LE(at + 6);
      if (granule !== NO_GRANULE) stream.granule = Math.max(stream.granule, Number(granule));
    }
    at = body;
    for (const length of bytes.subarray(at - segments, at)) at += length;
  }
  if (streams.size === 0) return undefined;
  return [...streams.values()].reduce(
    (sum, { granule, skip, rate }) => sum + Math.max(0, granule - skip) / rate,
    0,
  );
}

/** The first packet of a Vorbis or Opus stream; undefined for any other (video, text). */
function openOgg(packet: Buffer): OggStream | undefined {
  if (packet.toString('latin1', 0, 7) === '\x01vorbis' && packet.length >= 16) {
    const rate = packet.readUInt32LE(12);
    return rate === 0 ? undefined : { rate, skip: 0, granule: 0 };
  }
  if (packet.toString('latin1', 0, 8) === 'OpusHead' && packet.length >= 12)
    return { rate: OPUS_RATE, skip: packet.readUInt16LE(10), granule: 0 };
  return undefined;
}

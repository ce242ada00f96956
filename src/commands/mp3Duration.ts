/** Layer III, kbit/s by index: MPEG 1, and MPEG 2 and 2.5. */
const KBITS_1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
const KBITS_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
const RATES = [44_100, 48_000, 32_000, 0];
const MPEG_1 = 3;
const MPEG_2 = 2;
const MPEG_25 = 0;
const LAYER_III = 1;

interface Frame {
  readonly bytes: number;
  readonly seconds: number;
}

/** Without a frame for so long it is no recording, and so is one that looks like the start of a frame so often where none is. */
const MAX_RUBBISH_BYTES = 64 * 1024;
const MAX_FALSE_STARTS = 65_536;

/**
 * Frame by frame to the end of the file: a Xing header may claim anything, and the bit rate may change with every frame. Undefined: not a
 * single frame, or more between two of them than can be passed over (what comes behind it is then not known).
 */
export function mp3Seconds(bytes: Buffer): number | undefined {
  let seconds = 0;
  let frames = 0;
  let falseStarts = 0;
  let at = afterId3(bytes);
  let searchedFrom = at;
  while (at + 4 <= bytes.length) {
    const frame = frameAt(bytes, at);
    if (frame) {
      seconds += frame.seconds;
      frames++;
      at += frame.bytes;
      searchedFrom = at;
      continue;
    }
    if (++falseStarts > MAX_FALSE_STARTS) return undefined;
    const behind = afterApe(bytes, at);
    if (behind !== undefined) {
      at = behind;
      searchedFrom = at;
      continue;
    }
    at = bytes.indexOf(0xff, at + 1);
    if (at === -1) break;
    if (at - searchedFrom > MAX_RUBBISH_BYTES) return undefined;
  }
  return frames === 0 ? undefined : seconds;
}

/** Behind an ID3v2 tag, whose size has seven bits a byte. */
function afterId3(bytes: Buffer): number {
  if (bytes.toString('latin1', 0, 3) !== 'ID3' || bytes.length < 10) return 0;
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(6, 10);
  return 10 + ((a & 0x7f) << 21) + ((b & 0x7f) << 14) + ((c & 0x7f) << 7) + (d & 0x7f);
}

/** Behind an APEv2 tag with a header, whose pictures may be large; undefined where none begins. */
function afterApe(bytes: Buffer, at: number): number | undefined {
  if (at + 32 > bytes.length || bytes.toString('latin1', at, at + 8) !== 'APETAGEX') return undefined;
  return at + 32 + bytes.readUInt32LE(at + 12);
}

function frameAt(bytes: Buffer, at: number): Frame | undefined {
  const head = bytes.readUInt32BE(at);
  const version = (head >>> 19) & 3;
  const layer = (head >>> 17) & 3;
  if (head >>> 21 !== 0x7ff || layer !== LAYER_III) return undefined;
  if (version !== MPEG_1 && version !== MPEG_2 && version !== MPEG_25) return undefined;
  const kbits = (version === MPEG_1 ? KBITS_1 : KBITS_2)[(head >>> 12) & 15] ?? 0;
  const rate = (RATES[(head >>> 10) & 3] ?? 0) / (version === MPEG_1 ? 1 : version === MPEG_2 ? 2 : 4);
  if (kbits === 0 || rate === 0) return undefined;
  const samples = version === MPEG_1 ? 1_152 : 576;
  const padding = (head >>> 9) & 1;
  return {
    bytes: Math.floor(((samples / 8) * kbits * 1_000) / rate) + padding,
    seconds: samples / rate,
  };
}

/** Up to so many, characters and bytes are written one by one: a call into Node's own writers takes as long. */
export const SHORT_CHARS = 64;

/** By the code of a digit; 0xff for what is none. */
const HEX = new Uint8Array(128).fill(0xff);
for (let i = 0; i < 16; i++) {
  HEX[i.toString(16).charCodeAt(0)] = i;
  HEX[i.toString(16).toUpperCase().charCodeAt(0)] = i;
}
const UUID_CHARS = 36;
/** Where the digits of a UUID's bytes stand. */
const UUID_DIGITS = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);
const UUID_DASHES = Uint8Array.of(8, 13, 18, 23);
const DASH = 0x2d;

/** Writes the 16 bytes of a UUID (36 characters with dashes) at `at`, where there is room for them; false for a text that is none. */
export function writeUuid(buffer: Uint8Array, at: number, value: string): boolean {
  if (value.length !== UUID_CHARS) return false;
  let seen = 0;
  for (let i = 0; i < 16; i++) {
    const digit = UUID_DIGITS[i] as number;
    const high = HEX[value.charCodeAt(digit)] ?? 0xff;
    const low = HEX[value.charCodeAt(digit + 1)] ?? 0xff;
    seen |= high | low;
    buffer[at + i] = (high << 4) | low;
  }
  for (let i = 0; i < 4; i++) if (value.charCodeAt(UUID_DASHES[i] as number) !== DASH) return false;
  return seen <= 0x0f;
}

/** Writes a text of ASCII without NUL at `at`, where there is room for it; false for any other, of which something may stand there then. */
export function writePlain(buffer: Uint8Array, at: number, value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0 || code > 0x7f) return false;
    buffer[at + i] = code;
  }
  return true;
}

/** Copies what lies in `bytes` from `from` to `end` to `at`, where there is room for it. A view to copy from would be an object of its own. */
export function copyBytes(
  buffer: Uint8Array,
  at: number,
  bytes: Uint8Array,
  from: number,
  end: number,
): void {
  if (end - from > SHORT_CHARS) buffer.set(bytes.subarray(from, end), at);
  else for (let i = from; i < end; i++) buffer[at + i - from] = bytes[i] as number;
}

import { createHash } from 'node:crypto';

const NO_DIGIT = 255;
const DASH = 0x2d;
const UUID_CHARS = 36;
/** Where a UUID has its dashes. */
const DASHES = new Set([8, 13, 18, 23]);
/** Lower case only: the ids and hashes of SPARK are, and "A" must not be taken for "a". */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code));
  return digit < 0 ? NO_DIGIT : digit;
});

/**
 * Ids and hashes as bytes, read into the same words again and again: a ledger does so for every command, so nothing is allocated.
 * A text that is no hex of the right length (no id of SPARK's) is known by the first bytes of its SHA-256.
 */
export class HexBytes {
  readonly words: Uint32Array;
  readonly #bytes: Buffer;

  constructor(bytes: number) {
    this.words = new Uint32Array(bytes / 4);
    this.#bytes = Buffer.from(this.words.buffer);
  }

  /** Takes in a UUID or plain hex. */
  read(text: string): void {
    if (!this.#readHex(text))
      this.#bytes.set(createHash('sha256').update(text).digest().subarray(0, this.#bytes.length));
  }

  hex(): string {
    return this.#bytes.toString('hex');
  }

  #readHex(text: string): boolean {
    const digits = this.#bytes.length * 2;
    const isUuid = text.length === UUID_CHARS && digits === 32;
    if (!isUuid && text.length !== digits) return false;
    let high = 0;
    let at = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (isUuid && DASHES.has(i)) {
        if (code !== DASH) return false;
        continue;
      }
      const digit = DIGITS[code] ?? NO_DIGIT;
      if (digit === NO_DIGIT) return false;
      if (at % 2 === 0) high = digit;
      else this.#bytes[at >> 1] = (high << 4) | digit;
      at++;
    }
    return true;
  }
}

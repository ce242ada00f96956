import type { CommandPosition } from '../../commands/envelope.js';

const BLOCK_BITS = 15;
const BLOCK_MESSAGES = 1 << BLOCK_BITS;
/** Of the bits of a block at first; it grows as far as its messages go. */
const FIRST_BYTES = 64;

/** Of 32,768 messages in a row. All of them done: no bits are needed any more. */
type Block = { bits: Uint8Array; done: number } | 'all';

/**
 * Which places of the command stream have ended, exactly: what makes a redelivery of a keyless command harmless however late it comes.
 * One bit a message while some of its block are open, nothing once all have ended: 2 KB for a million commands behind a floor that does
 * not move, 125 KB while each block still misses one. Messages below the floor are never delivered again and forgotten.
 */
export class DoneSet {
  readonly #blocks = new Map<number, Block>();
  /** Items of envelopes that have ended only in part: a bit each. */
  readonly #partial = new Map<number, { readonly bits: Uint8Array; done: number }>();

  /** Memory of the bits. */
  get bytes(): number {
    let bytes = 0;
    for (const block of this.#blocks.values()) bytes += block === 'all' ? 0 : block.bits.length;
    for (const { bits } of this.#partial.values()) bytes += bits.length;
    return bytes;
  }

  add({ seq, index, count }: CommandPosition): void {
    if (count > 1) {
      const part = this.#partial.get(seq) ?? { bits: new Uint8Array(Math.ceil(count / 8)), done: 0 };
      if (setBit(part.bits, index)) part.done++;
      if (part.done < count) {
        if (!this.#has(seq)) this.#partial.set(seq, part);
        return;
      }
      this.#partial.delete(seq);
    }
    const number = Math.floor(seq / BLOCK_MESSAGES);
    const block = this.#blocks.get(number) ?? { bits: new Uint8Array(FIRST_BYTES), done: 0 };
    if (block === 'all') return;
    const at = seq % BLOCK_MESSAGES;
    if (at >= block.bits.length * 8) block.bits = grownFor(block.bits, at);
    if (setBit(block.bits, at)) block.done++;
    this.#blocks.set(number, block.done === BLOCK_MESSAGES ? 'all' : block);
  }

  has({ seq, index }: Pick<CommandPosition, 'seq' | 'index'>): boolean {
    if (this.#has(seq)) return true;
    const part = this.#partial.get(seq);
    return part !== undefined && getBit(part.bits, index);
  }

  forgetBelow(seq: number): void {
    const firstKept = Math.floor(seq / BLOCK_MESSAGES);
    for (const number of this.#blocks.keys()) if (number < firstKept) this.#blocks.delete(number);
    for (const partial of this.#partial.keys())
      if (partial < firstKept * BLOCK_MESSAGES) this.#partial.delete(partial);
  }

  /** The whole message. */
  #has(seq: number): boolean {
    const block = this.#blocks.get(Math.floor(seq / BLOCK_MESSAGES));
    return block === 'all' || (block !== undefined && getBit(block.bits, seq % BLOCK_MESSAGES));
  }
}

function grownFor(bits: Uint8Array, at: number): Uint8Array {
  let bytes = bits.length;
  while (at >= bytes * 8) bytes *= 2;
  const grown = new Uint8Array(bytes);
  grown.set(bits);
  return grown;
}

/** Answers whether it was not set before. */
function setBit(bits: Uint8Array, at: number): boolean {
  if (getBit(bits, at)) return false;
  bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
  return true;
}

const getBit = (bits: Uint8Array, at: number): boolean => ((bits[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;

import type { CommandPosition } from '../../commands/envelope.js';

const BLOCK_BITS = 15;
const BLOCK_MESSAGES = 1 << BLOCK_BITS;

/**
 * Which places of the command stream have ended, exactly, at one bit a message: what makes a redelivery of a keyless command
 * harmless however late it comes. 16 million messages take 2 MB. Messages below the floor are never delivered again and forgotten.
 */
export class DoneSet {
  readonly #blocks = new Map<number, Uint8Array>();
  /** Items of envelopes that have ended only in part. */
  readonly #partial = new Map<number, Set<number>>();

  add({ seq, index, count }: CommandPosition): void {
    if (count > 1) {
      const done = this.#partial.get(seq) ?? new Set();
      done.add(index);
      if (done.size < count) {
        this.#partial.set(seq, done);
        return;
      }
      this.#partial.delete(seq);
    }
    const key = Math.floor(seq / BLOCK_MESSAGES);
    let block = this.#blocks.get(key);
    if (!block) {
      block = new Uint8Array(BLOCK_MESSAGES / 8);
      this.#blocks.set(key, block);
    }
    const bit = seq % BLOCK_MESSAGES;
    block[bit >> 3] = (block[bit >> 3] ?? 0) | (1 << (bit & 7));
  }

  has({ seq, index }: Pick<CommandPosition, 'seq' | 'index'>): boolean {
    const bit = seq % BLOCK_MESSAGES;
    const block = this.#blocks.get(Math.floor(seq / BLOCK_MESSAGES));
    if (block && ((block[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0) return true;
    return this.#partial.get(seq)?.has(index) ?? false;
  }

  forgetBelow(seq: number): void {
    const firstKept = Math.floor(seq / BLOCK_MESSAGES);
    for (const key of this.#blocks.keys()) if (key < firstKept) this.#blocks.delete(key);
    for (const partial of this.#partial.keys())
      if (partial < firstKept * BLOCK_MESSAGES) this.#partial.delete(partial);
  }
}

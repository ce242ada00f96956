/**
 * What happened in a seed, in order. Always a digest of every word of it (two runs of a seed must agree); the words themselves only when
 * somebody wants to read them.
 */
export class Trace {
  readonly lines: string[] = [];
  /** Whether the words are kept. */
  readonly kept: boolean;
  #high = 0x811c9dc5;
  #low = 0x01000193;
  entries = 0;

  constructor(keep: boolean) {
    this.kept = keep;
  }

  /** One happening: who, what, and the details that name it. */
  add(nowMs: number, who: string, what: string, detail: string | number = ''): void {
    this.entries++;
    this.#mixNumber(nowMs);
    this.#mix(who);
    this.#mix(what);
    if (typeof detail === 'number') this.#mixNumber(detail);
    else this.#mix(detail);
    if (this.kept) this.lines.push(`${nowMs.toFixed(1).padStart(9)} ${who.padEnd(12)} ${what} ${detail}`);
  }

  /** 16 hex digits over all that was added. */
  get digest(): string {
    const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, '0');
    return `${hex(this.#high)}${hex(this.#low)}`;
  }

  #mix(text: string): void {
    // Both halves stay in registers: written back for each letter they would cost more than the mixing.
    let high = this.#high;
    let low = this.#low;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      high = Math.imul(high ^ unit, 0x01000193);
      low = (Math.imul(low, 0x5bd1e995) + unit) | 0;
    }
    this.#high = high;
    this.#low = low;
    this.#mixUnit(0x1f);
  }

  #mixNumber(value: number): void {
    this.#mixUnit(value | 0);
    this.#mixUnit(Math.floor((value - Math.floor(value)) * 1_000_000));
  }

  /** FNV-1a on one half, a multiply-add on the other: 64 bits in all. */
  #mixUnit(unit: number): void {
    this.#high = Math.imul(this.#high ^ unit, 0x01000193);
    this.#low = (Math.imul(this.#low, 0x5bd1e995) + unit) | 0;
  }
}

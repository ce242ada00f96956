/** A high and a low water mark: engaged at or above the high one, released only at or below the low one, so it never flaps. */
export class Hysteresis {
  #high: number;
  #low: number;
  #engaged = false;

  constructor(high: number, low: number) {
    checkMarks(high, low);
    this.#high = high;
    this.#low = low;
  }

  get high(): number {
    return this.#high;
  }

  get low(): number {
    return this.#low;
  }

  /** Moves the marks; the next `update` goes by them. */
  retune(high: number, low: number): void {
    checkMarks(high, low);
    this.#high = high;
    this.#low = low;
  }

  get engaged(): boolean {
    return this.#engaged;
  }

  /** Takes the newest level and says whether the brake is on. */
  update(level: number): boolean {
    if (level >= this.#high) this.#engaged = true;
    else if (level <= this.#low) this.#engaged = false;
    return this.#engaged;
  }
}

function checkMarks(high: number, low: number): void {
  if (!(low < high)) throw new RangeError(`low water mark ${low} must be below the high one ${high}`);
}

/**
 * The newest keys of very many, between half of `max` and `max` of them: an old generation that is forgotten as a whole when the young one is full.
 * A cache that knows the order of use costs the projector more than the questions it spares.
 */
export class Remembered {
  readonly #max: number;
  #young = new Set<string>();
  #old = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  has(key: string): boolean {
    return this.#young.has(key) || this.#old.has(key);
  }

  add(key: string): void {
    if (this.#young.size >= this.#max / 2) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(key);
  }
}

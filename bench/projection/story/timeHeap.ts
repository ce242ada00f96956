interface Entry<T> {
  readonly atMs: number;
  /** Of two at the same moment the one that came first goes first. */
  readonly order: number;
  readonly item: T;
}

/** A binary heap by time. */
export class TimeHeap<T> {
  readonly #entries: Entry<T>[] = [];
  #pushed = 0;

  peek(): T | undefined {
    return this.#entries[0]?.item;
  }

  push(atMs: number, item: T): void {
    const entry = { atMs, order: this.#pushed++, item };
    let at = this.#entries.length;
    this.#entries.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#entries[parent] as Entry<T>;
      if (!isBefore(entry, above)) break;
      this.#entries[at] = above;
      at = parent;
    }
    this.#entries[at] = entry;
  }

  pop(): T | undefined {
    const first = this.#entries[0];
    const last = this.#entries.pop();
    if (first === undefined || last === undefined || this.#entries.length === 0) return first?.item;
    this.#sink(last);
    return first.item;
  }

  #sink(entry: Entry<T>): void {
    const size = this.#entries.length;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      const right = this.#entries[child + 1];
      if (right !== undefined && isBefore(right, this.#entries[child] as Entry<T>)) child++;
      const smallest = this.#entries[child] as Entry<T>;
      if (!isBefore(smallest, entry)) break;
      this.#entries[at] = smallest;
      at = child;
    }
    this.#entries[at] = entry;
  }
}

const isBefore = <T>(left: Entry<T>, right: Entry<T>): boolean =>
  left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);

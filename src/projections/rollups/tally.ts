/** What a tally counts by; no text in it holds a NUL (`keyText`). */
export type KeyValue = string | number | boolean;

export interface TallyRow {
  readonly key: readonly KeyValue[];
  /** Added up, in the order of the tally's amounts. */
  readonly sums: number[];
  max: number;
}

/** Counts by key what a batch adds to one rollup. Amounts are whole numbers, so their order does not matter. */
export class Tally {
  readonly #rows = new Map<string, TallyRow>();

  get size(): number {
    return this.#rows.size;
  }

  /** Adds `amounts` to the row of `key`; `max` is compared with the largest so far. */
  add(key: readonly KeyValue[], amounts: readonly number[], max = 0): void {
    const id = key.join('\0');
    const row = this.#rows.get(id);
    if (row === undefined) {
      this.#rows.set(id, { key, sums: [...amounts], max });
      return;
    }
    for (let i = 0; i < amounts.length; i++) row.sums[i] = (row.sums[i] ?? 0) + (amounts[i] ?? 0);
    if (max > row.max) row.max = max;
  }

  /** Everything of another tally of the same rollup; that one stays as it is. */
  addAll(other: Tally): void {
    for (const { key, sums, max } of other.rows()) this.add(key, sums, max);
  }

  rows(): Iterable<TallyRow> {
    return this.#rows.values();
  }
}

/** No code or name is longer; a longer one would be more than an index takes. */
const KEY_TEXT_MAX_CHARS = 200;

/** What nearly every key is: nothing to replace in it. */
const PLAIN = /^[\x20-\x7e]*$/;

/** A text as a key: as Postgres stores it (no NUL, no lone surrogates), cut where it is longer than any of ours. */
export function keyText(text: string): string {
  const cut = text.length > KEY_TEXT_MAX_CHARS ? text.slice(0, KEY_TEXT_MAX_CHARS) : text;
  return PLAIN.test(cut) ? cut : cut.toWellFormed().replaceAll('\0', '\ufffd');
}

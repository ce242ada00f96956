import { UnencodableError } from '../../postgres/copyBuffer.js';

/** What a tally counts by; texts come from `keyText`. */
export type KeyValue = string | number | boolean | null;

export interface TallyRow<Key extends readonly KeyValue[] = readonly KeyValue[]> {
  readonly key: Key;
  /** Added up, in the order of the tally's amounts. */
  readonly sums: number[];
  max: number;
}

/** The rows below the first values of their keys, by the next one. */
type Branch<Row> = Map<KeyValue, Branch<Row> | Row>;

/** Counts by key what a batch adds to one rollup. Amounts are whole numbers, so their order does not matter. */
export class Tally<Key extends readonly KeyValue[] = readonly KeyValue[]> {
  /** A branch for each value of a key: to join the values into one text takes five times as long as to look each up. */
  readonly #branches: Branch<TallyRow<Key>> = new Map();
  readonly #rows: TallyRow<Key>[] = [];

  get size(): number {
    return this.#rows.length;
  }

  /** Adds `amounts` to the row of `key`, which is as long at every call; `max` is compared with the largest so far. */
  add(key: Key, amounts: readonly number[], max = 0): void {
    const last = key.length - 1;
    let branch = this.#branches;
    for (let i = 0; i < last; i++) branch = branchOf(branch, key[i] as KeyValue);
    const row = branch.get(key[last] as KeyValue) as TallyRow<Key> | undefined;
    if (row === undefined) {
      const made = { key, sums: [...amounts], max };
      branch.set(key[last] as KeyValue, made);
      this.#rows.push(made);
      return;
    }
    const { sums } = row;
    for (let i = 0; i < amounts.length; i++) sums[i] = (sums[i] as number) + (amounts[i] as number);
    if (max > row.max) row.max = max;
  }

  /** Everything of another tally of the same rollup; that one stays as it is. */
  addAll(other: Tally<Key>): void {
    for (const { key, sums, max } of other.rows()) this.add(key, sums, max);
  }

  rows(): Iterable<TallyRow<Key>> {
    return this.#rows;
  }
}

/** No code or name is longer; a longer one would be more than an index takes. */
const KEY_TEXT_MAX_CHARS = 200;

/** A text as a key: as Postgres stores it (no NUL, no lone surrogates), cut where it is longer than any of ours. */
export function keyText(text: string): string {
  // What no SPARK wrote may be anything; two objects would be two keys here and one in Postgres.
  if (typeof text !== 'string') throw new UnencodableError(`not a text: ${String(text)}`);
  if (text.length <= KEY_TEXT_MAX_CHARS && isPlain(text)) return text;
  return text.slice(0, KEY_TEXT_MAX_CHARS).toWellFormed().replaceAll('\0', '\ufffd');
}

/** Whether there is nothing to replace in it, as in nearly every key. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0 || code > 0x7e) return false;
  }
  return true;
}

function branchOf<Row>(branch: Branch<Row>, value: KeyValue): Branch<Row> {
  const known = branch.get(value) as Branch<Row> | undefined;
  if (known !== undefined) return known;
  const made: Branch<Row> = new Map();
  branch.set(value, made);
  return made;
}

import { randomInt } from 'node:crypto';
import type { HexBytes } from './hexBytes.js';
import type { KeyRing } from './keyRing.js';

const EMPTY = 0xffff_ffff;
const TWO_32 = 0x1_0000_0000;
/** Entries of a shard when the ledger is full: growing one moves that many, which takes some tens of microseconds. */
const SHARD_ENTRIES = 2_048;
const FIRST_PLACES = 16;
const MAX_LOAD = 0.8;
const GROWTH = 1.5;

interface Shard {
  places: Uint32Array;
  used: number;
}

/**
 * From a command id to its slot in the ring: open addressing with linear probing, four bytes a place. A place holds the slot and, in
 * the bits above, a few of the id, so that almost every wrong place is passed without a look into the ring. Cut into shards that grow
 * one by one: no operation ever rehashes more than one of them. Clients choose keys and could aim ids at one place, so where an id
 * belongs depends on a random number of this process.
 */
export class KeyIndex {
  readonly #ring: KeyRing;
  readonly #shards: (Shard | undefined)[];
  readonly #slotBits: number;
  readonly #salt = randomInt(1, 0x7fff_ffff) * 2 + 1;

  constructor(ring: KeyRing, entries: number) {
    this.#ring = ring;
    this.#shards = new Array<Shard | undefined>(Math.ceil(entries / SHARD_ENTRIES)).fill(undefined);
    // Strictly more values than slots: a place never reads as EMPTY.
    this.#slotBits = Math.floor(Math.log2(ring.slots)) + 1;
  }

  get bytes(): number {
    return this.#shards.reduce((sum, shard) => sum + (shard?.places.byteLength ?? 0), 0);
  }

  /** -1: not there. */
  find(id: HexBytes): number {
    const shard = this.#shards[this.#shardOf(id.words[0])];
    return shard ? this.#slotAt(shard, this.#placeOf(shard, id)) : -1;
  }

  /** For an id that is not there. */
  add(id: HexBytes, slot: number): void {
    const number = this.#shardOf(id.words[0]);
    const known = this.#shards[number];
    const shard = known ?? newShard();
    this.#shards[number] = shard;
    if (shard.used + 1 > shard.places.length * MAX_LOAD) this.#grow(shard);
    this.#put(shard.places, slot);
    shard.used++;
  }

  /** Before its slot is given up; what was pushed aside by it moves up, so that no gap stays behind. */
  remove(slot: number): void {
    const shard = this.#shards[this.#shardOf(this.#ring.idWord(slot, 0))];
    if (!shard) return;
    const { places } = shard;
    const value = this.#valueOf(slot);
    let gap = this.#homeOf(places.length, this.#ring.idWord(slot, 3));
    while (places[gap] !== value) gap = next(places, gap);
    for (let at = next(places, gap); places[at] !== EMPTY; at = next(places, at)) {
      const moved = places[at] ?? EMPTY;
      const home = this.#homeOf(places.length, this.#ring.idWord(this.#slotOf(moved), 3));
      // It may move up unless its home lies behind the gap, seen along the ring of places.
      if (distance(places, home, at) < distance(places, gap, at)) continue;
      places[gap] = moved;
      gap = at;
    }
    places[gap] = EMPTY;
    shard.used--;
  }

  #placeOf({ places }: Shard, id: HexBytes): number {
    const tag = this.#tagOf(id.words[1]);
    let at = this.#homeOf(places.length, id.words[3]);
    for (;;) {
      const value = places[at] ?? EMPTY;
      if (value === EMPTY) return at;
      if (value >>> this.#slotBits === tag && this.#ring.hasId(this.#slotOf(value), id)) return at;
      at = next(places, at);
    }
  }

  #slotAt({ places }: Shard, at: number): number {
    const value = places[at] ?? EMPTY;
    return value === EMPTY ? -1 : this.#slotOf(value);
  }

  #grow(shard: Shard): void {
    const { places } = shard;
    const larger = new Uint32Array(Math.ceil(places.length * GROWTH)).fill(EMPTY);
    for (const value of places) if (value !== EMPTY) this.#put(larger, this.#slotOf(value));
    shard.places = larger;
  }

  #put(places: Uint32Array, slot: number): void {
    let at = this.#homeOf(places.length, this.#ring.idWord(slot, 3));
    while (places[at] !== EMPTY) at = next(places, at);
    places[at] = this.#valueOf(slot);
  }

  #valueOf(slot: number): number {
    return ((this.#tagOf(this.#ring.idWord(slot, 1)) << this.#slotBits) | slot) >>> 0;
  }

  #slotOf(value: number): number {
    return value & ((1 << this.#slotBits) - 1);
  }

  #tagOf(word = 0): number {
    return word & (TWO_32 / 2 ** this.#slotBits - 1);
  }

  #shardOf(word = 0): number {
    return this.#spread(word, this.#shards.length);
  }

  #homeOf(places: number, word = 0): number {
    return this.#spread(word, places);
  }

  /** A number below `range` that nobody can tell without the salt. */
  #spread(word: number, range: number): number {
    return Math.floor(((Math.imul(word, this.#salt) >>> 0) / TWO_32) * range);
  }
}

const newShard = (): Shard => ({ places: new Uint32Array(FIRST_PLACES).fill(EMPTY), used: 0 });

const next = (places: Uint32Array, at: number): number => (at + 1 === places.length ? 0 : at + 1);

/** Steps from one place to another, going up and round. */
const distance = (places: Uint32Array, from: number, to: number): number =>
  to >= from ? to - from : to - from + places.length;

import { COMMAND_STATES, type CommandState, isTerminal } from '../../events/outcome.js';
import type { HexBytes } from './hexBytes.js';

const ID_WORDS = 4;
const SHA_WORDS = 8;
const SECONDS_AT = ID_WORDS + SHA_WORDS;
const REST_AT = SECONDS_AT + 1;
const SLOT_WORDS = REST_AT + 1;
const SEGMENT_SLOTS = 1_024;
/** What a ring begins with: most hold a few keys only. It grows to a whole segment, by this factor. */
const FIRST_SLOTS = 16;
const GROWTH = 4;
const MAX_SECONDS = 0xffff_ffff;
const MAX_ATTEMPTS = (1 << 18) - 1;
/** By their number in a slot: four bits of it. Nothing of it is stored. */
const CODE_OF = new Map(COMMAND_STATES.map((state, code) => [state, code]));

/** What the ledger remembers of a command that an idempotency key named. */
export interface LedgerEntry {
  /** 64 lower-case hex digits. */
  readonly payloadSha: string;
  readonly state: CommandState;
  readonly attempts: number;
  readonly recordedAtMs: number;
}

interface Segment {
  words: Uint32Array;
  bytes: Buffer;
}

/**
 * The entries of the ledger, first in first out, 56 bytes each: command id (16), payload sha (32), time of the claim in seconds (4),
 * then state (4 bits), milliseconds (10) and attempts (18). Memory is taken and given back a segment (56 KB) at a time, so neither
 * growing nor shrinking ever moves an entry: a slot is a name for as long as its entry is there. The very first segment begins small.
 */
export class KeyRing {
  readonly slots: number;
  readonly #segments: (Segment | undefined)[];
  #spare: Segment | undefined;
  #first = 0;
  #length = 0;

  /** Room for `entries` at least. */
  constructor(entries: number) {
    // Two segments more: the one that is filled is never the one that is emptied.
    const segments = Math.ceil(entries / SEGMENT_SLOTS) + 2;
    this.slots = segments * SEGMENT_SLOTS;
    this.#segments = new Array<Segment | undefined>(segments).fill(undefined);
  }

  get length(): number {
    return this.#length;
  }

  /** The oldest entry's slot; only where there is one. */
  get first(): number {
    return this.#first;
  }

  get bytes(): number {
    const spare = this.#spare?.bytes.length ?? 0;
    return this.#segments.reduce((sum, segment) => sum + (segment?.bytes.length ?? 0), spare);
  }

  /** Adds the youngest entry and answers its slot. */
  push(id: HexBytes, sha: HexBytes, entry: LedgerEntry): number {
    const slot = (this.#first + this.#length) % this.slots;
    const number = Math.floor(slot / SEGMENT_SLOTS);
    let segment = this.#segments[number];
    if (!segment) {
      segment = this.#spare ?? newSegment(slot === 0 ? FIRST_SLOTS : SEGMENT_SLOTS);
      this.#spare = undefined;
      this.#segments[number] = segment;
    }
    const at = offsetOf(slot);
    if (at >= segment.words.length) grow(segment);
    this.#length++;
    segment.words.set(id.words, at);
    this.write(slot, sha, entry);
    return slot;
  }

  write(slot: number, sha: HexBytes, { state, attempts, recordedAtMs }: LedgerEntry): void {
    const words = this.#words(slot);
    const at = offsetOf(slot);
    const ms = Math.max(0, Math.min(MAX_SECONDS * 1_000, Math.floor(recordedAtMs)));
    words.set(sha.words, at + ID_WORDS);
    words[at + SECONDS_AT] = Math.floor(ms / 1_000);
    words[at + REST_AT] =
      (CODE_OF.get(state) ?? 0) | ((ms % 1_000) << 4) | (Math.min(MAX_ATTEMPTS, attempts) << 14);
  }

  /** Drops the oldest entry. */
  shift(): void {
    const number = Math.floor(this.#first / SEGMENT_SLOTS);
    this.#first = (this.#first + 1) % this.slots;
    this.#length--;
    if (this.#first % SEGMENT_SLOTS !== 0) return;
    this.#spare = this.#segments[number];
    this.#segments[number] = undefined;
  }

  /** One word of the command id: 0 to 3. */
  idWord(slot: number, word: number): number {
    return this.#words(slot)[offsetOf(slot) + word] ?? 0;
  }

  hasId(slot: number, { words }: HexBytes): boolean {
    return equal(this.#words(slot), offsetOf(slot), words);
  }

  hasSha(slot: number, { words }: HexBytes): boolean {
    return equal(this.#words(slot), offsetOf(slot) + ID_WORDS, words);
  }

  /** The command id as 32 hex digits. */
  idOf(slot: number): string {
    const from = offsetOf(slot) * 4;
    return this.#segmentOf(slot).bytes.toString('hex', from, from + ID_WORDS * 4);
  }

  read(slot: number): LedgerEntry {
    const from = (offsetOf(slot) + ID_WORDS) * 4;
    const rest = this.#words(slot)[offsetOf(slot) + REST_AT] ?? 0;
    return {
      payloadSha: this.#segmentOf(slot).bytes.toString('hex', from, from + SHA_WORDS * 4),
      state: COMMAND_STATES[rest & 15] ?? 'accepted',
      attempts: rest >>> 14,
      recordedAtMs: this.recordedAtMs(slot),
    };
  }

  recordedAtMs(slot: number): number {
    const words = this.#words(slot);
    const at = offsetOf(slot);
    return (words[at + SECONDS_AT] ?? 0) * 1_000 + (((words[at + REST_AT] ?? 0) >>> 4) & 1_023);
  }

  hasEnded(slot: number): boolean {
    const rest = this.#words(slot)[offsetOf(slot) + REST_AT] ?? 0;
    return isTerminal(COMMAND_STATES[rest & 15] ?? 'accepted');
  }

  #words(slot: number): Uint32Array {
    return this.#segmentOf(slot).words;
  }

  #segmentOf(slot: number): Segment {
    const segment = this.#segments[Math.floor(slot / SEGMENT_SLOTS)];
    if (!segment) throw new RangeError(`slot ${slot} of the ledger holds nothing`);
    return segment;
  }
}

const offsetOf = (slot: number): number => (slot % SEGMENT_SLOTS) * SLOT_WORDS;

function newSegment(slots: number): Segment {
  const words = new Uint32Array(slots * SLOT_WORDS);
  return { words, bytes: Buffer.from(words.buffer) };
}

function grow(segment: Segment): void {
  const { words, bytes } = newSegment((segment.words.length / SLOT_WORDS) * GROWTH);
  words.set(segment.words);
  segment.words = words;
  segment.bytes = bytes;
}

function equal(words: Uint32Array, at: number, other: Uint32Array): boolean {
  for (let i = 0; i < other.length; i++) if (words[at + i] !== other[i]) return false;
  return true;
}

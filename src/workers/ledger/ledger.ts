import { isTerminal } from '../../events/outcome.js';
import { HexBytes } from './hexBytes.js';
import { KeyIndex } from './keyIndex.js';
import { KeyRing, type LedgerEntry } from './keyRing.js';

export type LedgerVerdict =
  | { readonly kind: 'unknown' }
  /** The same command again: answer with what is there. */
  | { readonly kind: 'repeat'; readonly entry: LedgerEntry }
  /** The key came with another payload: refuse, leave the first untouched. */
  | { readonly kind: 'mismatch'; readonly entry: LedgerEntry };

export interface LedgerLimits {
  readonly maxKeys: number;
  readonly termMs: number;
}

/** Entries a new key may forget on its way in, where their term is over: twice as many as come. */
const STEPS_PER_KEY = 2;
/** Entries one call of `expire` looks at: well below a millisecond. */
const STEPS_AT_ONCE = 4_096;

/**
 * Idempotency keys and what became of them, by command id (derived from session and key). Folded from the log, so it is never lost;
 * a promise, not a cache: an entry goes only when its term is over or the limit is reached, oldest first, and never while open.
 *
 * Entries lie in a ring in the order of their claims, at about 62 bytes a key with their index (`KeyRing`, `KeyIndex`). An open one
 * that the oldest end of the ring has reached is an *elder*: it steps aside into a map, of which there are only as many as commands
 * are open, and the ring goes on.
 */
export class Ledger {
  readonly limits: LedgerLimits;
  readonly #ring: KeyRing;
  readonly #index: KeyIndex;
  /** By command id in plain hex, oldest first; all of them older than anything in the ring. */
  readonly #elders = new Map<string, LedgerEntry>();
  #endedElders = 0;
  #evicted = 0;
  /** The latest claim so far: what tells the time to a limit that is reached, in a fold too. */
  #latestMs = 0;
  readonly #id = new HexBytes(16);
  readonly #sha = new HexBytes(32);

  constructor(limits: LedgerLimits) {
    this.limits = limits;
    // One more: a new key comes in before an old one goes.
    this.#ring = new KeyRing(limits.maxKeys + 1);
    this.#index = new KeyIndex(this.#ring, limits.maxKeys + 1);
  }

  get size(): number {
    return this.#ring.length + this.#elders.size;
  }

  /** Entries that went before their term because of the limit, as far as the log was folded. */
  get evicted(): number {
    return this.#evicted;
  }

  /** When the oldest key that is kept was claimed, epoch ms; undefined while there is none. */
  get oldestMs(): number | undefined {
    for (const { recordedAtMs } of this.#elders.values()) return recordedAtMs;
    return this.#ring.length > 0 ? this.#ring.recordedAtMs(this.#ring.first) : undefined;
  }

  /** Memory of the tables. */
  get bytes(): number {
    return this.#ring.bytes + this.#index.bytes;
  }

  /**
   * What is known of a command. One that has ended may be told for a while after its term, until it is swept; given `nowMs` it is not: so
   * folds agree on whether a key was claimed anew, whenever each of them sweeps.
   */
  find(commandId: string, nowMs?: number): LedgerEntry | undefined {
    this.#id.read(commandId);
    const slot = this.#index.find(this.#id);
    const entry = slot >= 0 ? this.#ring.read(slot) : this.#elder();
    return entry && nowMs !== undefined && this.#mayGo(entry, nowMs) ? undefined : entry;
  }

  check(commandId: string, payloadSha: string): LedgerVerdict {
    const entry = this.find(commandId);
    if (!entry) return { kind: 'unknown' };
    this.#sha.read(payloadSha);
    return { kind: entry.payloadSha === this.#sha.hex() ? 'repeat' : 'mismatch', entry };
  }

  record(commandId: string, entry: LedgerEntry): void {
    this.#id.read(commandId);
    this.#sha.read(entry.payloadSha);
    this.#latestMs = Math.max(this.#latestMs, entry.recordedAtMs);
    this.#dropOver(entry.recordedAtMs);
    const slot = this.#index.find(this.#id);
    // Keeps its place in the order of first claims: the term runs from the claim.
    if (slot >= 0) this.#ring.write(slot, this.#sha, entry);
    else if (this.#elder()) this.#recordElder(entry);
    else {
      this.#expireRing(entry.recordedAtMs, STEPS_PER_KEY);
      this.#index.add(this.#id, this.#ring.push(this.#id, this.#sha, entry));
    }
    this.#evictOverLimit();
  }

  /** Forgets ended commands whose term is over: some thousand at most, the rest with the next calls and with the keys that come. */
  expire(nowMs: number): void {
    for (const [id, entry] of this.#elders) {
      if (!this.#isOver(entry.recordedAtMs, nowMs)) return;
      if (isTerminal(entry.state)) this.#forgetElder(id);
    }
    this.#expireRing(nowMs, STEPS_AT_ONCE);
  }

  /** The key that was read last, when it is over its term at this claim: it is claimed anew, and the term runs anew. */
  #dropOver(nowMs: number): void {
    const slot = this.#index.find(this.#id);
    if (slot >= 0) {
      const over = this.#ring.hasEnded(slot) && this.#isOver(this.#ring.recordedAtMs(slot), nowMs);
      // What lies before it in the ring is over too.
      if (over) this.#expireRing(nowMs, Number.POSITIVE_INFINITY);
      return;
    }
    const elder = this.#elder();
    if (elder && this.#mayGo(elder, nowMs)) this.#forgetElder(this.#id.hex());
  }

  #mayGo({ state, recordedAtMs }: LedgerEntry, nowMs: number): boolean {
    return isTerminal(state) && this.#isOver(recordedAtMs, nowMs);
  }

  #isOver(recordedAtMs: number, nowMs: number): boolean {
    return recordedAtMs + this.limits.termMs <= nowMs;
  }

  #expireRing(nowMs: number, steps: number): void {
    const ring = this.#ring;
    for (let step = 0; step < steps && ring.length > 0; step++) {
      if (!this.#isOver(ring.recordedAtMs(ring.first), nowMs)) return;
      this.#leaveRing();
    }
  }

  #evictOverLimit(): void {
    while (this.size > this.limits.maxKeys) {
      const elder = this.#oldestEndedElder();
      if (elder !== undefined) {
        this.#countEvicted(this.#elders.get(elder)?.recordedAtMs ?? 0);
        this.#forgetElder(elder);
      } else if (this.#ring.length === 0) return;
      else {
        const { first } = this.#ring;
        if (this.#ring.hasEnded(first)) this.#countEvicted(this.#ring.recordedAtMs(first));
        this.#leaveRing();
      }
    }
  }

  #countEvicted(recordedAtMs: number): void {
    if (!this.#isOver(recordedAtMs, this.#latestMs)) this.#evicted++;
  }

  /** The oldest entry goes: for good when it has ended, to the elders while it is open. */
  #leaveRing(): void {
    const { first } = this.#ring;
    if (!this.#ring.hasEnded(first)) this.#elders.set(this.#ring.idOf(first), this.#ring.read(first));
    this.#index.remove(first);
    this.#ring.shift();
  }

  /** The elder of the id that was read last. */
  #elder(): LedgerEntry | undefined {
    return this.#elders.size === 0 ? undefined : this.#elders.get(this.#id.hex());
  }

  #recordElder(entry: LedgerEntry): void {
    const id = this.#id.hex();
    const before = this.#elders.get(id);
    if (before && isTerminal(before.state)) this.#endedElders--;
    if (isTerminal(entry.state)) this.#endedElders++;
    this.#elders.set(id, { ...entry, payloadSha: this.#sha.hex() });
  }

  #oldestEndedElder(): string | undefined {
    if (this.#endedElders === 0) return undefined;
    for (const [id, { state }] of this.#elders) if (isTerminal(state)) return id;
    return undefined;
  }

  #forgetElder(id: string): void {
    this.#elders.delete(id);
    this.#endedElders--;
  }
}

import { type CommandState, isTerminal } from '../../events/outcome.js';

/** What the ledger remembers of a command that an idempotency key named. */
export interface LedgerEntry {
  readonly payloadSha: string;
  readonly state: CommandState;
  readonly attempts: number;
  readonly recordedAtMs: number;
}

export type LedgerVerdict =
  | { readonly kind: 'unknown' }
  /** The same command again: answer with what is there. */
  | { readonly kind: 'repeat'; readonly entry: LedgerEntry }
  /** The key came with another payload: refuse, leave the first untouched. */
  | { readonly kind: 'mismatch'; readonly entry: LedgerEntry };

/**
 * Idempotency keys and what became of them, by command id (derived from session and key). Folded from the log, so it is never lost;
 * a promise, not a cache: an entry goes only when its term is over or the limit is reached, oldest first, and never while open.
 */
export class Ledger {
  readonly #entries = new Map<string, LedgerEntry>();
  readonly #limits: { maxKeys: number; termMs: number };
  #evicted = 0;

  constructor(limits: { maxKeys: number; termMs: number }) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Entries that went before their term because of the limit. */
  get evicted(): number {
    return this.#evicted;
  }

  find(commandId: string): LedgerEntry | undefined {
    return this.#entries.get(commandId);
  }

  check(commandId: string, payloadSha: string): LedgerVerdict {
    const entry = this.#entries.get(commandId);
    if (!entry) return { kind: 'unknown' };
    return { kind: entry.payloadSha === payloadSha ? 'repeat' : 'mismatch', entry };
  }

  record(commandId: string, entry: LedgerEntry): void {
    // Keeps its place in the order of first claims: the term runs from the claim.
    this.#entries.set(commandId, entry);
    this.#evictOverLimit();
  }

  /** Forgets ended commands whose term is over. */
  expire(nowMs: number): void {
    for (const [commandId, entry] of this.#entries) {
      if (entry.recordedAtMs + this.#limits.termMs > nowMs) return;
      if (isTerminal(entry.state)) this.#entries.delete(commandId);
    }
  }

  #evictOverLimit(): void {
    if (this.#entries.size <= this.#limits.maxKeys) return;
    for (const [commandId, entry] of this.#entries) {
      if (!isTerminal(entry.state)) continue;
      this.#entries.delete(commandId);
      this.#evicted++;
      return;
    }
  }
}

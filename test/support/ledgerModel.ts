import { isTerminal } from '../../src/events/outcome.js';
import type { LedgerEntry } from '../../src/workers/ledger/keyRing.js';
import type { LedgerLimits } from '../../src/workers/ledger/ledger.js';

/** The ledger's promise as plainly as it can be said: a map in the order of first claims. Slow, large, and easy to believe. */
export class LedgerModel {
  readonly #entries = new Map<string, LedgerEntry>();
  readonly #limits: LedgerLimits;
  /** Early, by the time of the latest claim. */
  evicted = 0;
  #latestMs = 0;

  constructor(limits: LedgerLimits) {
    this.#limits = limits;
  }

  find(id: string): LedgerEntry | undefined {
    return this.#entries.get(id);
  }

  record(id: string, entry: LedgerEntry): void {
    this.#latestMs = Math.max(this.#latestMs, entry.recordedAtMs);
    this.#entries.set(id, entry);
    for (const [oldest, { state, recordedAtMs }] of this.#entries) {
      if (this.#entries.size <= this.#limits.maxKeys) return;
      if (!isTerminal(state)) continue;
      this.#entries.delete(oldest);
      if (!this.#isOver(recordedAtMs, this.#latestMs)) this.evicted++;
    }
  }

  expire(nowMs: number): void {
    for (const [id, { recordedAtMs, state }] of this.#entries)
      if (this.#isOver(recordedAtMs, nowMs) && isTerminal(state)) this.#entries.delete(id);
  }

  /** Over its term and ended: it need not be known any more. */
  isOver(id: string, nowMs: number): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && isTerminal(entry.state) && this.#isOver(entry.recordedAtMs, nowMs);
  }

  /** For a key that is over its term and is claimed anew. */
  forget(id: string): void {
    this.#entries.delete(id);
  }

  #isOver(recordedAtMs: number, nowMs: number): boolean {
    return recordedAtMs + this.#limits.termMs <= nowMs;
  }
}

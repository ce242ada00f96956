import type { LaneUse } from '../../commands/catalogue.js';
import type { Command } from '../../commands/envelope.js';

/** Of each session that has commands in a batch: what the first of them needs, as far as it is known. */
export type Heads = ReadonlyMap<string, LaneUse>;

/**
 * Which batches of the parking wait to be fetched, and whose commands are in them. A batch may be fetched when it is the first of each
 * of its sessions; the oldest of all always may.
 */
export class ParkedIndex {
  readonly #batches = new Map<number, Heads>();
  /** Ascending; the sessions in the order of their turns. */
  readonly #sessions = new Map<string, number[]>();

  get size(): number {
    return this.#batches.size;
  }

  has(sessionId: string): boolean {
    return this.#sessions.has(sessionId);
  }

  of(sessionId: string): readonly number[] {
    return [...(this.#sessions.get(sessionId) ?? [])];
  }

  oldest(): number | undefined {
    let oldest: number | undefined;
    for (const seq of this.#batches.keys()) if (oldest === undefined || seq < oldest) oldest = seq;
    return oldest;
  }

  add(seq: number, heads: Heads): void {
    if (this.#batches.has(seq)) return;
    this.#batches.set(seq, heads);
    for (const sessionId of heads.keys()) {
      const seqs = this.#sessions.get(sessionId);
      if (!seqs) this.#sessions.set(sessionId, [seq]);
      else {
        const at = seqs.findIndex((other) => other > seq);
        seqs.splice(at < 0 ? seqs.length : at, 0, seq);
      }
    }
  }

  /** What leads sessions of this batch has changed; sessions that are not in it are left out. */
  lead(seq: number, changed: Heads): void {
    const heads = this.#batches.get(seq);
    if (!heads) return;
    this.#batches.set(seq, new Map([...heads].map(([id, use]) => [id, changed.get(id) ?? use])));
  }

  /** Takes a batch out; its sessions go to the end of the turns. */
  remove(seq: number): void {
    const sessions = this.#batches.get(seq)?.keys() ?? [];
    this.#batches.delete(seq);
    for (const sessionId of sessions) {
      const seqs = this.#sessions.get(sessionId)?.filter((other) => other !== seq) ?? [];
      this.#sessions.delete(sessionId);
      if (seqs.length > 0) this.#sessions.set(sessionId, seqs);
    }
  }

  /**
   * Up to `max` batches that may be fetched in this order, one of each session that wants more before a second of any. With `only`,
   * those whose wanting session is led by such a command there.
   */
  next(wants: (sessionId: string) => boolean, max: number, only?: LaneUse): number[] {
    const taken = new Set<number>();
    const firstOf = (sessionId: string) => this.#sessions.get(sessionId)?.find((seq) => !taken.has(seq));
    const fits = (sessionId: string) => only === undefined || this.#headOf(sessionId) === only;
    const wanting = [...this.#sessions.keys()].filter((sessionId) => fits(sessionId) && wants(sessionId));
    for (let more = true; more && taken.size < max; ) {
      more = false;
      for (const sessionId of wanting) {
        if (taken.size >= max) break;
        const seq = firstOf(sessionId);
        const heads = seq === undefined ? undefined : this.#batches.get(seq);
        if (seq === undefined || !heads || (only !== undefined && heads.get(sessionId) !== only)) continue;
        if (![...heads.keys()].every((other) => firstOf(other) === seq)) continue;
        taken.add(seq);
        more = true;
      }
    }
    return [...taken];
  }

  #headOf(sessionId: string): LaneUse | undefined {
    const first = this.#sessions.get(sessionId)?.[0];
    return first === undefined ? undefined : this.#batches.get(first)?.get(sessionId);
  }
}

/** What each session is led by there. */
export function headsOf(commands: readonly Command[], useOf: (command: Command) => LaneUse): Heads {
  const heads = new Map<string, LaneUse>();
  for (const command of commands)
    if (!heads.has(command.sessionId)) heads.set(command.sessionId, useOf(command));
  return heads;
}

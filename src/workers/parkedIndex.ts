/**
 * Which batches of the parking wait to be fetched, and whose commands are in them. A batch may be fetched when it is the first of each
 * of its sessions; the oldest of all always may.
 */
export class ParkedIndex {
  readonly #batches = new Map<number, readonly string[]>();
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

  add(seq: number, sessions: readonly string[]): void {
    if (this.#batches.has(seq)) return;
    this.#batches.set(seq, sessions);
    for (const sessionId of sessions) {
      const seqs = this.#sessions.get(sessionId);
      if (!seqs) this.#sessions.set(sessionId, [seq]);
      else {
        const at = seqs.findIndex((other) => other > seq);
        seqs.splice(at < 0 ? seqs.length : at, 0, seq);
      }
    }
  }

  /** Takes a batch out; its sessions go to the end of the turns. Returns them. */
  remove(seq: number): readonly string[] {
    const sessions = this.#batches.get(seq) ?? [];
    this.#batches.delete(seq);
    for (const sessionId of sessions) {
      const seqs = this.#sessions.get(sessionId)?.filter((other) => other !== seq) ?? [];
      this.#sessions.delete(sessionId);
      if (seqs.length > 0) this.#sessions.set(sessionId, seqs);
    }
    return sessions;
  }

  /** Up to `max` batches that may be fetched in this order, one of each session that wants more before a second of any. */
  next(wants: (sessionId: string) => boolean, max: number): number[] {
    const taken = new Set<number>();
    const firstOf = (sessionId: string) => this.#sessions.get(sessionId)?.find((seq) => !taken.has(seq));
    const wanting = [...this.#sessions.keys()].filter(wants);
    for (let more = true; more && taken.size < max; ) {
      more = false;
      for (const sessionId of wanting) {
        if (taken.size >= max) break;
        const seq = firstOf(sessionId);
        if (seq === undefined || !this.#batches.get(seq)?.every((other) => firstOf(other) === seq)) continue;
        taken.add(seq);
        more = true;
      }
    }
    return [...taken];
  }
}

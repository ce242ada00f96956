/** Ends (and refusals) that are on their way to the log, to the dead letters and to their acknowledgement, by partition. */
export class PendingEnds {
  readonly #pending = new Map<number, Set<Promise<void>>>();

  /** Watches one until it is told; returns it. */
  add(partition: number, told: Promise<void>): Promise<void> {
    const ofPartition = this.#pending.get(partition) ?? new Set();
    this.#pending.set(partition, ofPartition);
    ofPartition.add(told);
    return told.finally(() => ofPartition.delete(told));
  }

  /** Resolves when none is under way; what has failed is told by whoever added it. */
  async settled(partition: number): Promise<void> {
    const ofPartition = this.#pending.get(partition);
    while (ofPartition && ofPartition.size > 0) await Promise.allSettled(ofPartition);
  }
}

import type { WorkerDependencies } from '../workerOptions.js';

/**
 * Drops done messages from the command stream: those below the acknowledged floor that are older than twice the duplicate window
 * (the server remembers ids from the stored messages), or all of them once the stream is half full: the ledger guards repeats anyway.
 */
export class Purger {
  readonly #deps: WorkerDependencies;
  readonly #owned: () => readonly number[];
  readonly #floors = new Map<number, { atMs: number; floor: number }[]>();

  /** `owned`: the partitions whose done messages are ours to drop. */
  constructor(deps: WorkerDependencies, owned: () => readonly number[]) {
    this.#deps = deps;
    this.#owned = owned;
  }

  /** Resolves with the place below which nothing will be delivered again; undefined while there is none to tell. */
  async run(): Promise<number | undefined> {
    const { inbox, limits, clock } = this.#deps;
    let lowest: number | undefined;
    let busiest = 0;
    const { bytes, maxBytes } = await inbox.usage();
    const tight = maxBytes > 0 && bytes > maxBytes / 2;
    for (let partition = 0; partition < limits.partitions; partition++) {
      const { ackFloor, waiting, unacked } = await inbox.pending(partition);
      // A partition with nothing open has no say: its floor stands wherever its last command was.
      if (waiting + unacked > 0) lowest = Math.min(lowest ?? ackFloor, ackFloor);
      else busiest = Math.max(busiest, ackFloor);
      if (!this.#owned().includes(partition)) continue;
      const purgeTo = tight ? ackFloor : this.#floorOf(partition, ackFloor, clock.monotonicMs());
      if (purgeTo > 0) await inbox.purgeBelow(partition, purgeTo + 1);
    }
    return lowest ?? (busiest > 0 ? busiest : undefined);
  }

  /** The floor as it stood two duplicate windows ago; 0 while none is that old. */
  #floorOf(partition: number, ackFloor: number, nowMs: number): number {
    const floors = this.#floors.get(partition) ?? [];
    this.#floors.set(partition, floors);
    if (floors.at(-1)?.floor !== ackFloor) floors.push({ atMs: nowMs, floor: ackFloor });
    const old = nowMs - 2 * this.#deps.limits.duplicateWindowMs;
    let purgeTo = 0;
    while (floors[0] && floors[0].atMs <= old) purgeTo = floors.shift()?.floor ?? 0;
    return purgeTo;
  }
}

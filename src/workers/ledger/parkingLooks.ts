/** Looks of one partition that are remembered: a batch that is older than all of them is taken for good. */
const MAX_LOOKS = 4_096;

interface Look {
  readonly epoch: number;
  readonly upTo: number;
}

/**
 * How far each owner of a partition saw into the parking when it claimed, as they told the log before they acknowledged or stored anything.
 * The log refuses such a word from whoever is not the owner any more: so all owners know the same looks, in the order of their epochs,
 * whatever is stored in the parking by whom, and when.
 */
export class ParkingLooks {
  /** By partition, epochs ascending. */
  readonly #looks = new Map<number, Look[]>();

  /** To be told in the order of the log. */
  record(partition: number, epoch: number, upTo: number): void {
    const looks = this.#looks.get(partition) ?? [];
    this.#looks.set(partition, looks);
    if ((looks.at(-1)?.epoch ?? 0) >= epoch) return;
    looks.push({ epoch, upTo });
    if (looks.length > MAX_LOOKS) looks.shift();
  }

  /**
   * Whether a batch counts for nothing: stored by an owner that had lost the partition already, behind what the next one saw. That owner
   * never acknowledged its commands, and the next one was given them again. Taken for good, it would let a session's younger commands
   * pass the older ones that the next owner has parked (20 minutes of chaos, seed twenty). A batch that does not say whose it is always
   * counts: an earlier build may have stored it as an owner, and acknowledged it.
   */
  isStray(
    partition: number,
    { parkedSeq, epoch }: { readonly parkedSeq: number; readonly epoch?: number },
  ): boolean {
    if (epoch === undefined) return false;
    const next = nextAfter(this.#looks.get(partition) ?? [], epoch);
    return next !== undefined && next.upTo < parkedSeq;
  }
}

/** The first look of a later owner than this. */
function nextAfter(looks: readonly Look[], epoch: number): Look | undefined {
  let low = 0;
  let high = looks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((looks[middle]?.epoch ?? 0) > epoch) high = middle;
    else low = middle + 1;
  }
  return looks[low];
}

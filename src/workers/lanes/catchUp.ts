import type { CommandPosition } from '../../commands/envelope.js';
import type { CommandInbox } from '../ports.js';

/**
 * How far a new owner must be delivered again before it may go on with what an earlier life had parked. A command that was running when
 * its successors were parked lies in the command stream alone: fetched earlier than it comes again, they would pass it.
 */
export class CatchUp {
  /** Partition → the newest place that was parked; gone once everything before it has come. */
  readonly #targets = new Map<number, number>();
  /** Partitions whose parking is still being read: the newest place is not known yet. */
  readonly #finding = new Set<number>();

  begin(partition: number): void {
    this.#finding.add(partition);
  }

  /** Everything that is parked has been found. */
  allFound(partition: number): void {
    this.#finding.delete(partition);
  }

  /** A command found in the parking, of the command stream that is read now. */
  found({ partition, seq }: CommandPosition): void {
    this.#targets.set(partition, Math.max(seq, this.#targets.get(partition) ?? 0));
  }

  /** Everything of the partition up to `seq` is acknowledged or has been delivered; true when that was the last of it. */
  reached(partition: number, seq: number): boolean {
    const target = this.#targets.get(partition);
    if (target === undefined || seq < target || this.#finding.has(partition)) return false;
    return this.#targets.delete(partition);
  }

  done(partition: number): boolean {
    return !this.#targets.has(partition) && !this.#finding.has(partition);
  }

  /** Partitions that are waited for. */
  get open(): readonly number[] {
    return [...this.#targets.keys()].filter((partition) => !this.#finding.has(partition));
  }

  forget(partition: number): void {
    this.#targets.delete(partition);
    this.#finding.delete(partition);
  }
}

interface Delivered {
  readonly catchUp: Pick<CatchUp, 'open'>;
  readonly inFlight: { messagesOf(partition: number): number };
  reached(partition: number, seq: number): void;
}

/** Where nothing more is to come, nothing older will: the newest parked message is acknowledged, and need not come again. */
export async function lookForMore(delivered: Delivered, inbox: Pick<CommandInbox, 'pending'>): Promise<void> {
  for (const partition of delivered.catchUp.open) {
    const { waiting, unacked } = await inbox.pending(partition);
    if (waiting === 0 && unacked <= delivered.inFlight.messagesOf(partition))
      delivered.reached(partition, Number.POSITIVE_INFINITY);
  }
}

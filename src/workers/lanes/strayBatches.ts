import type { ParkedBatch } from '../ports.js';

/**
 * The batches of one editor that count for nothing, by place: stored by an owner that had lost the partition already, and never
 * acknowledged in the command stream. The next owner had looked before it claimed for itself what lies there now, and told with each
 * batch of its own how far it had seen: what an older owner has stored behind that came too late. Taken for good, it would let a
 * session's younger commands pass the older ones that the next owner has parked behind it (20 minutes of chaos, seed twenty).
 * A batch that does not say whose it is always counts: an earlier build may have stored it as an owner, and acknowledged it.
 */
export function strayBatches(batches: Iterable<Pick<ParkedBatch, 'parkedSeq' | 'by'>>): ReadonlySet<number> {
  const known = [...batches];
  const foundUpTo = new Map<number, number>();
  for (const { by } of known) if (by) foundUpTo.set(by.epoch, by.foundUpTo);
  const owners = [...foundUpTo].map(([epoch, upTo]) => ({ epoch, upTo }));
  const isStray = ({ parkedSeq, by }: Pick<ParkedBatch, 'parkedSeq' | 'by'>) =>
    by !== undefined && owners.some(({ epoch, upTo }) => by.epoch < epoch && parkedSeq > upTo);
  return new Set(known.filter(isStray).map(({ parkedSeq }) => parkedSeq));
}

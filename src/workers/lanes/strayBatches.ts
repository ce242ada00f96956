import type { ParkedBatch, ParkedBy } from '../ports.js';

/**
 * The batches of one editor that count for nothing, by place: stored by an owner that had lost the partition already, and never
 * acknowledged in the command stream. The next owner had looked before it claimed for itself what lies there now, and told with each
 * batch of its own how far it had seen: what an older owner has stored behind that came too late. Taken for good, it would let a
 * session's younger commands pass the older ones that the next owner has parked behind it (20 minutes of chaos, seed twenty).
 * A batch that does not say whose it is always counts: an earlier build may have stored it as an owner, and acknowledged it.
 */
export function strayBatches(batches: Iterable<Pick<ParkedBatch, 'parkedSeq' | 'by'>>): ReadonlySet<number> {
  const known = [...batches];
  const epochs = new Set(known.flatMap(({ by }) => (by ? [by.epoch] : [])));
  const strays = new Set<number>();
  const newer: ParkedBy[] = [];
  // The newest first: a mark that only strays bear says nothing, or it would make a stray of what later owners have found and acknowledged.
  for (const epoch of [...epochs].sort((left, right) => right - left)) {
    const own = known.filter(({ by }) => by?.epoch === epoch);
    const late = own.filter(({ parkedSeq }) => newer.some(({ foundUpTo }) => parkedSeq > foundUpTo));
    for (const { parkedSeq } of late) strays.add(parkedSeq);
    const [kept] = own.filter((batch) => !late.includes(batch));
    if (kept?.by) newer.push(kept.by);
  }
  return strays;
}

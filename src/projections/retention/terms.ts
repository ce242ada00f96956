const DAY_MS = 86_400_000;
/** The log's times may go back by as much when another server leads it. */
const SKEW_MS = 3_600_000;

/**
 * Pure: the moment before which details (or rollups) are too old, epoch ms. While the read models are behind the log, never later than what
 * they have come to, less an hour: rows that are still to be written must not come back below a cut.
 */
export function agedMs(
  nowMs: number,
  days: number,
  projected: { readonly tsMs: number; readonly level: boolean },
): number {
  const old = nowMs - days * DAY_MS;
  return projected.level ? old : Math.min(old, projected.tsMs - SKEW_MS);
}

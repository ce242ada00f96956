/**
 * Has the standby lost its place? Pure. A standby whose WAL its primary no longer has keeps answering, ever staler;
 * its receiver connects, is refused and ends, many times a second, so one sighting of a receiver proves nothing.
 */
export type StandbySample =
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'answers'; readonly receiverPid: number | undefined; readonly replayedTo: string };

export interface StandbyHealth {
  readonly last: StandbySample;
  /** Since when nothing spoke for the standby; undefined while it is well. */
  readonly unwellSinceMs: number | undefined;
  /** Re-seeds since it was last well. */
  readonly reseeds: number;
}

export interface StandbyLimits {
  /** Answering, but neither receiving nor replaying. */
  readonly staleAfterMs: number;
  /** Not answering at all: it may be replaying WAL of its own before it is consistent. */
  readonly unreachableAfterMs: number;
}

export const FIRST_HEALTH: StandbyHealth = {
  last: { kind: 'unreachable' },
  unwellSinceMs: undefined,
  reseeds: 0,
};

const PATIENCE_DOUBLINGS_LIMIT = 6;

/** Judges a sample. `primaryAnswers`: without its primary no standby can stream, and nothing could seed it. */
export function judgeStandby(
  health: StandbyHealth,
  sample: StandbySample,
  primaryAnswers: boolean,
  nowMs: number,
  limits: StandbyLimits,
): { readonly health: StandbyHealth; readonly reseed: boolean } {
  if (!primaryAnswers)
    return { health: { ...health, last: sample, unwellSinceMs: undefined }, reseed: false };
  if (isWell(health.last, sample)) {
    return { health: { last: sample, unwellSinceMs: undefined, reseeds: 0 }, reseed: false };
  }
  const since = health.unwellSinceMs ?? nowMs;
  const base = sample.kind === 'unreachable' ? limits.unreachableAfterMs : limits.staleAfterMs;
  // A seed that did not help is not repeated at once: each copies the whole database.
  const patienceMs = base * 2 ** Math.min(health.reseeds, PATIENCE_DOUBLINGS_LIMIT);
  if (nowMs - since < patienceMs)
    return { health: { ...health, last: sample, unwellSinceMs: since }, reseed: false };
  return { health: { last: sample, unwellSinceMs: undefined, reseeds: health.reseeds + 1 }, reseed: true };
}

function isWell(before: StandbySample, now: StandbySample): boolean {
  if (now.kind === 'unreachable' || before.kind === 'unreachable') return false;
  const sameReceiver = now.receiverPid !== undefined && now.receiverPid === before.receiverPid;
  return sameReceiver || now.replayedTo !== before.replayedTo;
}

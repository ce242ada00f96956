/**
 * Is the standby well, and if not, what is to be done? Pure. A process that lives proves nothing: a standby whose WAL its primary no
 * longer has keeps answering, ever staler; its receiver connects, is refused and ends, many times a second, so one sighting of a
 * receiver proves nothing either; a frozen receiver is listed as streaming. What counts is progress: what the primary had written a
 * while ago has to be there.
 */
export type StandbySample =
  | { readonly kind: 'away'; readonly how: StandbySilence }
  | {
      readonly kind: 'answers';
      readonly isStandby: boolean;
      readonly receiverPid: number | undefined;
      /** Replayed up to here, bytes since the beginning of the WAL. */
      readonly replayedTo: number;
      readonly isPaused: boolean;
      /** Its replay waits for a query of a reader. Postgres ends that query (`max_standby_streaming_delay`); no seed could help. */
      readonly waitsForQuery: boolean;
    };

/**
 * `refused`: no process listens. `starting`: it says so. `silent`: nothing comes back. `failing`: it answers nothing but errors.
 * `will_not_start`: its process ends again and again before it serves. `folder_gone`: it has no data folder.
 */
export type StandbySilence = 'refused' | 'starting' | 'silent' | 'failing' | 'will_not_start' | 'folder_gone';
export type StandbyAilment =
  | StandbySilence
  | 'not_a_standby'
  | 'not_receiving'
  | 'replay_stuck'
  | 'replay_paused';
/** From the cheapest to the dearest: a re-seed copies the whole database. */
export type StandbyAction = 'resume' | 'restart' | 'reseed';

export interface StandbyRepair {
  readonly action: StandbyAction;
  readonly reason: StandbyAilment;
}

export interface StandbyHealth {
  readonly last: StandbySample;
  /** What the primary had written when the last sample was taken. */
  readonly primaryWroteTo: number | undefined;
  /** Since when it is unwell; undefined while it is well. */
  readonly unwellSinceMs: number | undefined;
  readonly wellSinceMs: number | undefined;
  /** Repairs since it was last steadily well. */
  readonly repairs: number;
}

/** How long each ailment may last before something is done; doubled by each repair that has not helped. */
export type StandbyPatience = Readonly<Record<StandbyAilment, number>>;

export interface StandbyLimits {
  readonly patienceMs: StandbyPatience;
  /** Well for so long, its earlier repairs are forgotten. */
  readonly steadyAfterMs: number;
}

export const FIRST_HEALTH: StandbyHealth = {
  last: { kind: 'away', how: 'refused' },
  primaryWroteTo: undefined,
  unwellSinceMs: undefined,
  wellSinceMs: undefined,
  repairs: 0,
};

const PATIENCE_DOUBLINGS_LIMIT = 6;
/** What a fresh process may cure; tried once before its data is given up. */
const MAY_NEED_A_RESTART: ReadonlySet<StandbyAilment> = new Set(['silent', 'failing', 'replay_stuck']);

export interface StandbyVerdict {
  readonly health: StandbyHealth;
  readonly repair: StandbyRepair | undefined;
}

/** Judges a sample. `primaryWroteTo`: undefined while the primary does not answer: then no standby can stream, and nothing could seed it. */
export function judgeStandby(
  health: StandbyHealth,
  sample: StandbySample,
  primaryWroteTo: number | undefined,
  nowMs: number,
  limits: StandbyLimits,
): StandbyVerdict {
  const seen = { ...health, last: sample, primaryWroteTo };
  if (primaryWroteTo === undefined)
    return { health: { ...seen, unwellSinceMs: undefined }, repair: undefined };
  const ailment = ailmentOf(health, sample);
  if (ailment === undefined) return { health: recovered(seen, nowMs, limits), repair: undefined };
  const since = health.unwellSinceMs ?? nowMs;
  const unwell = { ...seen, unwellSinceMs: since, wellSinceMs: undefined };
  // A repair that did not help is not repeated at once.
  const patienceMs = limits.patienceMs[ailment] * 2 ** Math.min(health.repairs, PATIENCE_DOUBLINGS_LIMIT);
  if (nowMs - since < patienceMs) return { health: unwell, repair: undefined };
  return {
    health: { ...unwell, unwellSinceMs: undefined, repairs: health.repairs + 1 },
    repair: { action: actionFor(ailment, health.repairs), reason: ailment },
  };
}

function recovered(health: StandbyHealth, nowMs: number, limits: StandbyLimits): StandbyHealth {
  const wellSinceMs = health.wellSinceMs ?? nowMs;
  const steady = nowMs - wellSinceMs >= limits.steadyAfterMs;
  return { ...health, unwellSinceMs: undefined, wellSinceMs, repairs: steady ? 0 : health.repairs };
}

function actionFor(ailment: StandbyAilment, repairs: number): StandbyAction {
  if (ailment === 'replay_paused') return repairs < 2 ? 'resume' : 'restart';
  return MAY_NEED_A_RESTART.has(ailment) && repairs === 0 ? 'restart' : 'reseed';
}

function ailmentOf(health: StandbyHealth, now: StandbySample): StandbyAilment | undefined {
  if (now.kind === 'away') return now.how;
  if (!now.isStandby) return 'not_a_standby';
  const before = health.last;
  // Whatever it streams or not: it may be replaying WAL of its own.
  if (before.kind === 'answers' && now.replayedTo > before.replayedTo) return undefined;
  if (now.isPaused) return 'replay_paused';
  if (now.waitsForQuery) return undefined;
  const sameReceiver =
    now.receiverPid !== undefined && before.kind === 'answers' && now.receiverPid === before.receiverPid;
  if (!sameReceiver) return 'not_receiving';
  // Measured against what the primary had one sample ago: it has had all that time to come over.
  return now.replayedTo < (health.primaryWroteTo ?? 0) ? 'replay_stuck' : undefined;
}

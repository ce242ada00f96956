import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlledSystem, Strike } from '../ports.js';
import { NEMESES } from './all.js';

/** What came of a strike. */
export interface Struck {
  readonly strike: Strike;
  /** `not_healed` ends the run: what follows would prove nothing. */
  readonly outcome: 'healed' | 'not_healed' | 'failed';
  readonly detail?: string | undefined;
}

/**
 * Strikes at the moments of the schedule, counted from now; each runs on its own, so harms overlap. When the signal aborts nothing new
 * begins and what is at work is healed. Resolves when all of it is.
 */
export async function strike(
  system: ControlledSystem,
  schedule: readonly Strike[],
  signal: AbortSignal,
  onStruck: (struck: Struck) => void,
): Promise<Struck[]> {
  const beganMs = performance.now();
  const running: Promise<Struck>[] = [];
  for (const next of schedule) {
    const waitMs = beganMs + next.atMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    running.push(
      inject(system, next, signal).then((struck) => {
        onStruck(struck);
        return struck;
      }),
    );
  }
  return Promise.all(running);
}

async function inject(system: ControlledSystem, strike: Strike, signal: AbortSignal): Promise<Struck> {
  const { history } = system;
  const fault =
    strike.nemesis === 'simulator_fault' ? `sim_${strike.fault}` : (strike.fault ?? strike.nemesis);
  const tell = (phase: 'start' | 'stop', detail: unknown): void =>
    void history.write({
      kind: 'nemesis',
      phase,
      id: `strike-${strike.n}`,
      fault,
      target: strike.target,
      detail,
    });
  tell('start', { nemesis: strike.nemesis, holdMs: strike.holdMs });
  try {
    const { healed } = await NEMESES[strike.nemesis].inject(system, strike, signal);
    tell('stop', { healed });
    return { strike, outcome: healed ? 'healed' : 'not_healed' };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    tell('stop', { failed: detail });
    return { strike, outcome: 'failed', detail };
  }
}

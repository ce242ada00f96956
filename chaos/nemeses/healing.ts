import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/core/clock.js';
import { deadline } from '../../src/core/deadline.js';
import type { ControlledProcess, ControlledSystem, Strike } from '../ports.js';

/** A process that does not come back within this is not healed. */
const BACK_WITHIN_MS = 60_000;

/** Waits for as long as the harm lasts; the end of the run ends it early. */
export async function hold(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** The process a strike names. */
export function targetOf(system: ControlledSystem, { target }: Strike): ControlledProcess {
  const found = system.processes.find(({ name }) => name === target);
  if (found === undefined) throw new Error(`the strike names ${target}, which is not there`);
  return found;
}

/** Others go on with its work while it is away. */
const othersTakeOver = ({ processes }: ControlledSystem, { kind }: ControlledProcess): boolean =>
  kind === 'worker' || (kind === 'nats' && processes.filter((other) => other.kind === kind).length > 1);

/**
 * Hurts a process that nobody else hurts meanwhile, heals it, and tells how long its work stood still, counted from the harm. Healing has a
 * limit of its own: the end of the run does not cut it short.
 */
export async function hurtAndHeal(
  system: ControlledSystem,
  process: ControlledProcess,
  strike: Strike,
  signal: AbortSignal,
  harm: { hurt(): Promise<void>; heal(signal: AbortSignal): Promise<void> },
): Promise<{ readonly healed: boolean }> {
  let healed = true;
  await process.exclusively(async () => {
    const watch = await process.watchRecovery().catch(() => undefined);
    const sinceMs = performance.now();
    let healingSinceMs = sinceMs;
    await harm.hurt();
    const limit = deadline(systemClock, strike.holdMs + BACK_WITHIN_MS);
    try {
      const serves = watch?.(limit.signal).then(() => {
        const from = othersTakeOver(system, process) ? sinceMs : healingSinceMs;
        const { name, kind } = process;
        const ms = Math.max(0, performance.now() - from);
        system.recovered({ process: name, kind, fault: strike.fault ?? strike.nemesis, ms });
      });
      // Looked at below; the wait in between must not make it nobody's.
      serves?.catch(() => undefined);
      await hold(strike.holdMs, signal);
      healingSinceMs = performance.now();
      await harm.heal(limit.signal);
      await serves;
    } catch {
      healed = false;
    } finally {
      limit.clear();
    }
  }, signal);
  return { healed };
}

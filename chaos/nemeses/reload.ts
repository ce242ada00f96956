import type { ControlledSystem, Nemesis, Strike } from '../ports.js';
import { hold } from './healing.js';
import { control } from './simulatorControl.js';

async function goAway(
  system: ControlledSystem,
  strike: Strike,
  signal: AbortSignal,
): Promise<{ healed: boolean }> {
  await control(system, 'POST', 'reload', { editor: strike.target, ms: strike.holdMs });
  // It comes back by itself.
  await hold(strike.holdMs, signal);
  return { healed: true };
}

/** A domain reload: the editor is away for a moment, in the middle of whatever it does. */
export const reload: Nemesis = { kind: 'reload', inject: goAway };

/** An editor away for longer than its commands wait in their lane: they are parked, and other editors go on. */
export const editorAway: Nemesis = { kind: 'editor_away', inject: goAway };

import type { Nemesis } from '../ports.js';
import { hold } from './healing.js';
import { control } from './simulatorControl.js';

/** Calls of one editor that it strikes. */
const CALLS = 2;

/** One of Unity's own faults on the next calls of an editor: a lost reply, a ghost, a crash, … */
export const simulatorFault: Nemesis = {
  kind: 'simulator_fault',
  inject: async (system, strike, signal) => {
    const { target: editor, fault } = strike;
    const ms = Math.min(strike.holdMs, 3_000);
    try {
      await control(system, 'POST', 'faults', { editor, tool: '*', fault, count: CALLS, ms });
      await hold(strike.holdMs, signal);
    } finally {
      await control(system, 'DELETE', 'faults');
    }
    return { healed: true };
  },
};

import type { Nemesis } from '../ports.js';
import { hurtAndHeal, targetOf } from './healing.js';

/** A worker leaves as an operator makes it leave (SIGTERM: it gives away what it owns) and joins again. */
export const leaveJoin: Nemesis = {
  kind: 'leave_join',
  inject: (system, strike, signal) => {
    const process = targetOf(system, strike);
    return hurtAndHeal(system, process, strike, signal, {
      hurt: () => process.stop(),
      heal: (limit) => process.start(limit),
    });
  },
};

import type { Nemesis } from '../ports.js';
import { hurtAndHeal, targetOf } from './healing.js';

/** SIGSTOP, and SIGCONT after a while: a worker has lost what it owned by then and wakes as a zombie. */
export const pause: Nemesis = {
  kind: 'pause',
  inject: (system, strike, signal) => {
    const process = targetOf(system, strike);
    return hurtAndHeal(system, process, strike, signal, {
      hurt: async () => process.pause(),
      heal: async () => process.resume(),
    });
  },
};

import type { Nemesis } from '../ports.js';
import { hurtAndHeal, targetOf } from './healing.js';

/** kill -9, down for a while, started again. */
export const kill: Nemesis = {
  kind: 'kill',
  inject: (system, strike, signal) => {
    const process = targetOf(system, strike);
    return hurtAndHeal(system, process, strike, signal, {
      hurt: () => process.kill(),
      heal: (limit) => process.start(limit),
    });
  },
};

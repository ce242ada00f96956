import type { Nemesis } from '../ports.js';
import { hurtAndHeal, targetOf } from './healing.js';

/** The primary is shut down for seconds: commands go on, read models catch up. */
export const postgresStop: Nemesis = {
  kind: 'postgres_stop',
  inject: (system, strike, signal) => {
    const process = targetOf(system, strike);
    return hurtAndHeal(system, process, strike, signal, {
      hurt: () => process.stop(),
      heal: (limit) => process.start(limit),
    });
  },
};

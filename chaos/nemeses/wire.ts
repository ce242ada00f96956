import type { Nemesis, Strike, WireFault } from '../ports.js';
import { hold } from './healing.js';

const DELAY_MS = 400;

/** A fault on one wire: cut, black hole, delay, or replies lost. */
export const wire: Nemesis = {
  kind: 'wire',
  inject: async (system, strike, signal) => {
    const found = system.wires.find(({ name }) => name === strike.target);
    if (found === undefined) throw new Error(`the strike names ${strike.target}, which is no wire`);
    try {
      found.hurt(faultOf(strike));
      await hold(strike.holdMs, signal);
    } finally {
      found.heal();
    }
    return { healed: true };
  },
};

function faultOf({ fault }: Strike): WireFault {
  switch (fault) {
    case 'cut':
    case 'black_hole':
    case 'lose_reply':
      return { kind: fault };
    case 'delay':
      return { kind: 'delay', ms: DELAY_MS };
    default:
      throw new Error(`${String(fault)} is no fault of a wire`);
  }
}

import type { Nemesis } from '../ports.js';
import { kill } from './kill.js';

/** kill -9 of the server that leads the log's stream: the others elect another, and nothing acknowledged is lost. */
export const leaderKill: Nemesis = {
  kind: 'leader_kill',
  inject: async (system, strike, signal) => {
    const leader = await system.logLeader();
    const process = system.processes.find(({ name, kind }) => kind === 'nats' && name === leader);
    if (process === undefined) return { healed: true };
    return kill.inject(system, { ...strike, target: process.name, fault: 'leader_kill' }, signal);
  },
};

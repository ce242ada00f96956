import type { Nemesis } from '../ports.js';
import { hurtAndHeal } from './healing.js';

/**
 * One server of the cluster is cut off from the other two, and whoever is connected to it is not told: it takes publishes that it cannot store,
 * and may take itself for a leader for a while. Half of the time it is the one that leads the log.
 */
export const partition: Nemesis = {
  kind: 'partition',
  inject: async (system, strike, signal) => {
    const { routes, processes } = system;
    if (routes === undefined) throw new Error('there is no cluster to part');
    const leader = await system.logLeader();
    const servers = processes.filter(({ kind }) => kind === 'nats');
    const victim = servers.find(({ name }) => (name === leader) === (strike.fault === 'partition_leader'));
    if (victim === undefined) return { healed: true };
    return hurtAndHeal(system, victim, strike, signal, {
      hurt: async () => routes.isolate(victim.name),
      heal: async () => routes.heal(),
    });
  },
};

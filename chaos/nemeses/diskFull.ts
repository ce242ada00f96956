import { systemClock } from '../../src/core/clock.js';
import { deadline } from '../../src/core/deadline.js';
import type { ControlledProcess, ControlledSystem, Nemesis } from '../ports.js';
import { hold } from './healing.js';

const FILL_WITHIN_MS = 10_000;
const BACK_WITHIN_MS = 60_000;
/** A server that does not store again within this after there is room has given its store up and is restarted, as an operator does. */
const BY_ITSELF_MS = 3_000;

/** No room on NATS's disk: nothing is acknowledged that is not stored, and what was acknowledged is there afterwards. */
export const diskFull: Nemesis = {
  kind: 'disk_full',
  inject: async (system, strike, signal) => {
    const servers = system.processes.filter(({ kind }) => kind === 'nats');
    const [server] = servers;
    if (server === undefined) throw new Error('there is no NATS');
    let healed = true;
    await server.exclusively(async () => {
      const watch = (await server.watchRecovery()) ?? (async () => undefined);
      try {
        await within(FILL_WITHIN_MS, (limit) => system.disk.fill(limit)).catch(() => undefined);
        await hold(strike.holdMs, signal);
      } finally {
        await system.disk.free();
      }
      const sinceMs = performance.now();
      healed = await storesAgain(system, server, watch);
      const { name, kind } = server;
      if (healed)
        system.recovered({ process: name, kind, fault: 'disk_full', ms: performance.now() - sinceMs });
    }, signal);
    return { healed };
  },
};

async function storesAgain(
  system: ControlledSystem,
  server: ControlledProcess,
  watch: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  if (await within(BY_ITSELF_MS, watch).then(yes, no)) return true;
  system.history.write({
    kind: 'note',
    text: `${server.name} does not store again by itself: it is restarted`,
  });
  await server.stop();
  return within(BACK_WITHIN_MS, async (limit) => {
    await server.start(limit);
    await watch(limit);
  }).then(yes, no);
}

const yes = (): boolean => true;
const no = (): boolean => false;

async function within(ms: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const limit = deadline(systemClock, ms);
  try {
    await work(limit.signal);
  } finally {
    limit.clear();
  }
}

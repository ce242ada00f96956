import { type Clock, pause } from '../core/clock.js';
import { messageOf } from '../core/errors.js';
import type { ReadinessCheck } from '../http/ports.js';
import type { PostgresPools } from '../postgres/pools.js';
import { freshness } from '../projections/freshness.js';
import { canary } from '../streams/canary.js';
import type { NatsConnection } from '../streams/connection.js';

/** Less than the time a check has: a server that is frozen is away, and that is degraded, not failing. */
const ANSWER_MS = 1_500;

/** What `/readyz` looks at. A dead replica is told, not fatal: reads fall back to the primary; a full disk is found by writing. */
export function createChecks(parts: {
  nc: NatsConnection;
  pools: PostgresPools;
  clock: Clock;
}): ReadinessCheck[] {
  const { nc, pools, clock } = parts;
  return [
    {
      name: 'jetstream',
      check: async () => {
        try {
          return { ok: true, detail: `canary stored at ${await canary(nc)}` };
        } catch (error) {
          return { ok: false, detail: `a canary publish failed: ${messageOf(error)}` };
        }
      },
    },
    {
      name: 'postgres',
      check: async () => {
        try {
          await inTime(pools.primary.query('SELECT 1'), clock);
          return { ok: true, detail: 'the primary answers' };
        } catch (error) {
          // Commands are taken and executed all the same; what is read is stale until it is back.
          return {
            ok: true,
            detail: `degraded: the primary does not answer (${messageOf(error)}); read models catch up later`,
          };
        }
      },
    },
    {
      name: 'replica',
      check: async () => {
        if (!pools.hasReplica) return { ok: true, detail: 'none configured: the primary answers reads' };
        try {
          const { streaming, replicaSeq, primarySeq } = await inTime(freshness(pools), clock);
          const state = streaming === false ? 'degraded: not streaming' : 'streaming';
          return { ok: true, detail: `${state}; log position ${replicaSeq} of ${primarySeq}` };
        } catch (error) {
          return {
            ok: true,
            detail: `degraded: the replica does not answer (${messageOf(error)}); reads go to the primary`,
          };
        }
      },
    },
  ];
}

async function inTime<T>(answer: Promise<T>, clock: Clock): Promise<T> {
  const over = new AbortController();
  const late = pause(clock, ANSWER_MS, over.signal).then(() => {
    throw new Error(`no answer within ${ANSWER_MS} ms`);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    over.abort();
    late.catch(() => undefined);
  }
}

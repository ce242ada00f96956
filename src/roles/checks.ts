import { messageOf } from '../core/errors.js';
import type { ReadinessCheck } from '../http/ports.js';
import type { PostgresPools } from '../postgres/pools.js';
import { freshness } from '../projections/freshness.js';
import { canary } from '../streams/canary.js';
import type { NatsConnection } from '../streams/connection.js';

/** What `/readyz` looks at. A dead replica is told, not fatal: reads fall back to the primary; a full disk is found by writing. */
export function createChecks({ nc, pools }: { nc: NatsConnection; pools: PostgresPools }): ReadinessCheck[] {
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
          await pools.primary.query('SELECT 1');
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
          const { streaming, replicaSeq, primarySeq } = await freshness(pools);
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

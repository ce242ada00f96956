import { messageOf } from '../core/errors.js';
import type { ReadinessCheck } from '../http/ports.js';
import type { PostgresPools } from '../postgres/pools.js';
import { canary } from '../streams/canary.js';
import type { NatsConnection } from '../streams/connection.js';
import type { ServerWatch } from './serverWatch.js';

/** What `/readyz` looks at. A dead replica is told, not fatal: reads fall back to the primary; a full disk is found by writing. */
export function createChecks(parts: {
  readonly nc: NatsConnection;
  readonly pools: Pick<PostgresPools, 'hasReplica'>;
  readonly watch: ServerWatch;
  /** The replica is the operator's (`DATABASE_REPLICA_URL`): nobody but the operator repairs it. */
  readonly replicaIsYours: boolean;
}): ReadinessCheck[] {
  const { nc, pools, watch, replicaIsYours } = parts;
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
      check: async () => ({
        ok: true,
        // Commands are taken and executed all the same; what is read is stale until it is back.
        detail: watch.isUp('primary')
          ? 'the primary answers'
          : 'degraded: the primary does not answer; read models catch up later',
      }),
    },
    {
      name: 'replica',
      check: async () => ({
        ok: true,
        detail: pools.hasReplica
          ? replicaDetail(watch, replicaIsYours)
          : 'none configured: the primary answers reads',
      }),
    },
  ];
}

function replicaDetail(watch: ServerWatch, replicaIsYours: boolean): string {
  const repair = replicaIsYours
    ? '; it is yours (DATABASE_REPLICA_URL): SPARK does not restart or seed it'
    : '; it is restarted or seeded again by itself';
  const sample = watch.sample('replica');
  if (!watch.isUp('replica'))
    return `degraded: the replica does not answer; reads go to the primary${repair}`;
  if (watch.replicaIsBehind())
    return `degraded: ${Math.round((watch.replicaLagMs() ?? 0) / 1_000)} s behind the primary, which answers reads meanwhile${repair}`;
  if (sample?.streaming === false) return `degraded: not streaming${repair}`;
  const of = watch.sample('primary')?.appliedSeq ?? 'unknown';
  return `streaming; log position ${sample?.appliedSeq ?? 'unknown'} of ${of}`;
}

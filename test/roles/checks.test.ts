import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { createPools } from '../../src/postgres/pools.js';
import { createChecks } from '../../src/roles/checks.js';
import { ServerWatch } from '../../src/roles/serverWatch.js';
import type { NatsConnection } from '../../src/streams/connection.js';

const nothing = () => undefined;
const never = new AbortController().signal;
/** Nobody listens there. */
const urls = { primaryUrl: 'postgres://x@127.0.0.1:1/x', replicaUrl: 'postgres://x@127.0.0.1:2/x' };
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0)) await cleanUp();
});

/** What `/readyz` says of both servers once both are known not to answer. */
async function detailsOf(replicaIsYours: boolean): Promise<Record<string, { ok: boolean; detail: string }>> {
  const pools = createPools({ ...urls, applicationName: 'test', connectTimeoutMs: 500 });
  const watch = new ServerWatch({
    ...{ pools, clock: systemClock, logger: { warn: nothing, info: nothing } },
    ...{ logEndSeq: () => 0, maxLagMs: 10_000 },
  });
  cleanups.push(async () => {
    await Promise.all([watch.stop(), watch.stop()]);
    await pools.end();
  });
  await Promise.all([watch.start(), watch.start()]);
  await expect.poll(() => watch.isUp('primary') || watch.isUp('replica')).toBe(false);
  const checks = createChecks({ nc: undefined as unknown as NatsConnection, pools, watch, replicaIsYours });
  const told = checks
    .filter(({ name }) => name !== 'jetstream')
    .map(async ({ name, check }) => [name, await check(never)] as const);
  return Object.fromEntries(await Promise.all(told));
}

describe('what /readyz says of Postgres', () => {
  it('given an embedded standby that does not answer, then it is degraded, not failing, and is repaired by itself', async () => {
    expect(await detailsOf(false)).toEqual({
      postgres: { ok: true, detail: expect.stringContaining('degraded: the primary does not answer') },
      replica: {
        ok: true,
        detail:
          'degraded: the replica does not answer; reads go to the primary; it is restarted or seeded again by itself',
      },
    });
  });

  it("given the operator's own replica, then it says that nobody but the operator touches it", async () => {
    const { replica } = await detailsOf(true);
    expect(replica).toEqual({
      ok: true,
      detail: expect.stringContaining(
        'it is yours (DATABASE_REPLICA_URL): SPARK does not restart or seed it',
      ),
    });
  });
});

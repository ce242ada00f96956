import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pause, systemClock } from '../../src/core/clock.js';
import type { RateRule } from '../../src/core/rateRules.js';
import type { Service } from '../../src/core/service.js';
import { RateLimit } from '../../src/resilience/rateLimit.js';
import { connectRole, type NatsConnection } from '../../src/streams/connection.js';
import type { NatsRole } from '../../src/streams/permissions.js';
import { createRateGossip, RATE_GOSSIP_MS, RATE_SUBJECT } from '../../src/streams/rateGossip.js';
import { type OwnNats, startOwnNats } from '../support/ownNats.js';

/** Refills by one in six minutes: nothing comes back while a test runs. */
const RULES: readonly RateRule[] = [{ name: 'actor', count: 10, windowSeconds: 3_600 }];
const rated = (actor: string) => ({ actor, sessionId: 's', type: 'unity.generate_script' });

let server: OwnNats;
const open: NatsConnection[] = [];
const talking: Service[] = [];
beforeAll(async () => {
  server = await startOwnNats();
});
afterEach(async () => {
  await Promise.all(talking.splice(0).map((gossip) => gossip.stop()));
});
afterAll(async () => {
  await Promise.all(open.map((nc) => nc.close()));
  await server.stop();
});

/** One process of that role, with its permissions: its limit, and the talk with the others. */
async function aProcess(role: NatsRole, processId: string) {
  const nc = await connectRole(role, server.url, server.credentials(role));
  open.push(nc);
  const limit = new RateLimit(RULES, systemClock);
  const gossip = createRateGossip(nc, limit, processId);
  await gossip.start();
  await nc.flush();
  talking.push(gossip);
  const takes = (actor: string, count: number): number =>
    Array.from({ length: count }, () => limit.take(rated(actor))).filter((refusal) => refusal === undefined)
      .length;
  return { nc, limit, gossip, takes };
}

describe('the rate limits of several processes', () => {
  it.each([
    ['ingest', 'ingest'],
    ['ingest', 'worker'],
    ['worker', 'ingest'],
  ] as const)(
    'given the bucket is emptied at one (%s), then another (%s) refuses, and says for how long',
    async (here, there) => {
      const [one, other] = [await aProcess(here, 'one'), await aProcess(there, 'other')];
      expect(one.takes('ann', 10)).toBe(10);
      await expect.poll(() => other.limit.take(rated('ann'))).toMatchObject({ limit: 'actor', count: 10 });
      expect(other.takes('bob', 10)).toBe(10);
      await expect.poll(() => one.limit.take(rated('bob'))).toMatchObject({ limit: 'actor' });
    },
  );

  it('given each lets half through, then a third lets nothing more through', async () => {
    const [left, right, third] = [
      await aProcess('ingest', 'left'),
      await aProcess('ingest', 'right'),
      await aProcess('ingest', 'third'),
    ];
    expect([left.takes('cas', 5), right.takes('cas', 5)]).toEqual([5, 5]);
    await expect.poll(() => third.limit.take(rated('cas'))).toBeDefined();
  });

  it('given its own word comes back to it, then it is not counted twice', async () => {
    const one = await aProcess('ingest', 'echo');
    const told = new Promise<void>((resolve) => {
      one.nc.subscribe(RATE_SUBJECT, { max: 1, callback: () => resolve() });
    });
    expect(one.takes('dot', 5)).toBe(5);
    await told;
    await pause(systemClock, 2 * RATE_GOSSIP_MS);
    expect(one.takes('dot', 10)).toBe(5);
  });

  it('given words that are none of ours, then the limits stand as they were', async () => {
    const one = await aProcess('ingest', 'listener');
    const stranger = await connectRole('worker', server.url, server.credentials('worker'));
    open.push(stranger);
    for (const text of ['{', '[]', 'null', '{"from":"x","spent":[["actor eve","9"],["actor eve"],7]}'])
      stranger.publish(RATE_SUBJECT, text);
    stranger.publish(RATE_SUBJECT, JSON.stringify({ from: 'x', spent: [['actor fay', 10]] }));
    await expect.poll(() => one.limit.take(rated('fay'))).toBeDefined();
    expect(one.takes('eve', 11)).toBe(10);
  });

  it('given it is stopped, then it hears nothing more; started again, it does', async () => {
    const [one, other] = [await aProcess('ingest', 'speaker'), await aProcess('ingest', 'sleeper')];
    await other.gossip.stop();
    expect(one.takes('gil', 10)).toBe(10);
    await pause(systemClock, 4 * RATE_GOSSIP_MS);
    await Promise.all([one.nc.flush(), other.nc.flush()]);
    expect(other.takes('gil', 1)).toBe(1);
    await other.gossip.start();
    await other.nc.flush();
    expect(one.takes('hal', 10)).toBe(10);
    await expect.poll(() => other.limit.take(rated('hal'))).toBeDefined();
  });
});

import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { connectRole, type NatsConnection } from '../../src/streams/connection.js';
import { provision } from '../../src/streams/provision.js';
import { STREAMS } from '../../src/streams/topology.js';
import { freshStreams, TEST_TOPOLOGY } from '../support/freshStreams.js';

let nc: NatsConnection;

beforeAll(async () => {
  const { url, user, password } = inject('nats');
  nc = await connectRole('admin', url, user === null ? undefined : { user, password: password ?? '' });
  await freshStreams(nc);
});
afterAll(async () => {
  await freshStreams(nc);
  await nc.close();
});

describe('the topology', () => {
  it('provisioned again, by many at once, finds nothing to do', async () => {
    const drifts = await Promise.all([
      provision(nc, TEST_TOPOLOGY),
      provision(nc, TEST_TOPOLOGY),
      provision(nc, TEST_TOPOLOGY),
    ]);
    expect(drifts).toEqual([[], [], []]);
  });

  it('made by many at once, is made once', async () => {
    const manager = await jetstreamManager(nc);
    for (const name of Object.values(STREAMS)) await manager.streams.delete(name);
    expect(await Promise.all([provision(nc, TEST_TOPOLOGY), provision(nc, TEST_TOPOLOGY)])).toEqual([[], []]);
  });

  it('changed by somebody, is reported, setting by setting, and left as it is', async () => {
    const manager = await jetstreamManager(nc);
    await manager.streams.update(STREAMS.deadLetters, { description: 'mine now', max_msgs: 7 });
    expect(await provision(nc, TEST_TOPOLOGY)).toEqual([
      { name: STREAMS.deadLetters, setting: 'description', want: expect.any(String), have: 'mine now' },
    ]);
    expect((await manager.streams.info(STREAMS.deadLetters)).config).toMatchObject({
      description: 'mine now',
      max_msgs: 7,
    });
  });

  it('given another number of partitions than the streams were made with, refuses: commands would go where nobody looks', async () => {
    await expect(provision(nc, { ...TEST_TOPOLOGY, partitions: 8 })).rejects.toMatchObject({
      code: 'partitions_changed',
      fields: { stream: STREAMS.commands },
    });
    expect(await provision(nc, TEST_TOPOLOGY)).toEqual([
      { name: STREAMS.deadLetters, setting: 'description', want: expect.any(String), have: 'mine now' },
    ]);
  });

  it('follows the limits of the configuration', async () => {
    await provision(nc, { ...TEST_TOPOLOGY, commandsMaxBytes: 1_000_000, maxAckPending: 400 });
    const manager = await jetstreamManager(nc);
    expect((await manager.streams.info(STREAMS.commands)).config.max_bytes).toBe(1_000_000);
    expect((await manager.consumers.info(STREAMS.commands, 'worker-0')).config.max_ack_pending).toBe(400);
    await provision(nc, TEST_TOPOLOGY);
  });
});

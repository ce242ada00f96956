import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EditorEntry } from '../../src/commands/editorEntry.js';
import { systemClock } from '../../src/core/clock.js';
import { sha256 } from '../../src/core/ids.js';
import { canary } from '../../src/streams/canary.js';
import { createCommandInbox } from '../../src/streams/commandInbox.js';
import { connectRole, type NatsConnection } from '../../src/streams/connection.js';
import { EditorRegistry } from '../../src/streams/editorRegistry.js';
import { createImageStore } from '../../src/streams/imageStore.js';
import { createParking } from '../../src/streams/parking.js';
import type { NatsRole } from '../../src/streams/permissions.js';
import { provision } from '../../src/streams/provision.js';
import { publishUntilAcked } from '../../src/streams/publish.js';
import { readStream } from '../../src/streams/streamReader.js';
import { STREAMS, workerConsumer } from '../../src/streams/topology.js';
import { aCommand } from '../support/commandFixtures.js';
import { TEST_TOPOLOGY } from '../support/freshStreams.js';
import { startTestCluster, type TestCluster } from '../support/natsCluster.js';
import { startOwnNats } from '../support/ownNats.js';
import { eventually } from '../support/spark.js';

const LEFT: EditorEntry = {
  editor: 'left',
  registered: true,
  instance: null,
  projectFolder: null,
  mcpUrl: null,
  labels: {},
  paused: null,
  registeredAt: '2026-03-01T10:00:00.000Z',
  updatedAt: '2026-03-01T10:00:00.000Z',
};
const R3 = { ...TEST_TOPOLOGY, replicas: 3 };

let cluster: TestCluster;
let admin: NatsConnection;
const open: NatsConnection[] = [];
const stop = new AbortController();
const as = async (role: NatsRole, url = cluster.url): Promise<NatsConnection> => {
  const nc = await connectRole(role, url, cluster.credentials(role));
  open.push(nc);
  return nc;
};
const inSync = () => eventually(async () => expect(await cluster.inSync()).toBe(true), { timeoutMs: 60_000 });

beforeAll(async () => {
  cluster = await startTestCluster();
  admin = await as('admin');
});
afterAll(async () => {
  stop.abort();
  await Promise.all(open.map((nc) => nc.close()));
  await cluster.stop();
});

describe('copies', () => {
  it('given streams with one copy, wanting three raises all that is kept, their consumers too, and no stream becomes another', async () => {
    expect(await provision(admin, TEST_TOPOLOGY)).toEqual([]);
    const manager = await jetstreamManager(admin);
    const identities = () =>
      Promise.all(Object.values(STREAMS).map(async (name) => (await manager.streams.info(name)).created));
    const before = await identities();
    await jetstream(admin).publish('spark.commands.left.unity.generate_script.s', '{}');
    expect(await provision(admin, R3)).toEqual([]);
    await inSync();
    expect(await identities()).toEqual(before);
    for (const name of Object.values(STREAMS)) {
      const { config, cluster: group } = await manager.streams.info(name);
      const copies = name === STREAMS.telemetry ? 1 : 3;
      expect([name, config.num_replicas, (group?.replicas ?? []).length + 1]).toEqual([name, copies, copies]);
    }
    for (let partition = 0; partition < R3.partitions; partition++)
      await eventually(async () => {
        const info = await manager.consumers.info(STREAMS.commands, workerConsumer(partition));
        expect(info.cluster?.replicas).toHaveLength(2);
      });
  });

  it('given three, wanting one takes none away and says so', async () => {
    const drift = await provision(admin, TEST_TOPOLOGY);
    expect(drift).toContainEqual({ name: STREAMS.log, setting: 'num_replicas', want: 1, have: 3 });
    expect(drift.every(({ setting }) => setting === 'num_replicas')).toBe(true);
  });

  it('given a server that stands alone, wanting three says what is missing', async () => {
    const alone = await startOwnNats();
    const nc = await connectRole('admin', alone.url, alone.credentials('admin'));
    await expect(provision(nc, R3)).rejects.toMatchObject({
      code: 'not_enough_nats_servers',
      fields: { replicas: 3 },
    });
    await nc.close();
    await alone.stop();
  });
});

describe('given three copies of every delivery', () => {
  it('a pull that is full, or would become too large, ends behind its messages, though its end is told ahead of them', async () => {
    await provision(admin, R3);
    await inSync();
    const publish = async (bytes: number) =>
      (
        await jetstream(admin).publish('spark.command-envelopes.3', new Uint8Array(bytes), {
          timeout: 60_000,
        })
      ).seq;
    const published: number[] = [];
    // Some fit a pull in number, some only a few in bytes, and two are larger than any.
    for (const bytes of [...Array<number>(20).fill(100), 9e5, 9e5, 9e5, 100, 3e6, 3e6, 100])
      published.push(await publish(bytes));
    const inbox = await createCommandInbox(await as('worker'), R3.partitions);
    await inbox.reset(3);
    const pulled: number[] = [];
    const orders: number[] = [];
    while (pulled.length < published.length)
      for await (const { seq, order, ack } of inbox.pull(3, 8, stop.signal)) {
        pulled.push(seq);
        orders.push(order);
        ack();
        if (pulled.length === published.length) break;
      }
    expect(pulled).toEqual(published);
    expect(orders).toEqual(published.map((_, at) => at + 1));
  });
});

describe('given the server that leads the streams killed, and down for good', () => {
  beforeAll(async () => {
    await provision(admin, R3);
    await inSync();
  });

  it('readers, watches, pulls, writers, images and the parking all go on, each message once and in order', async () => {
    const victim = (await cluster.leaderOf(STREAMS.log)) ?? '';
    const others = cluster.nodes.filter(({ name }) => name !== victim).map(({ url }) => url);
    const writer = jetstream(await as('admin', others.join(',')));
    const write = (subject: string, id: string) =>
      publishUntilAcked(
        writer,
        systemClock,
        subject,
        new TextEncoder().encode(id),
        { msgID: id },
        stop.signal,
      );
    const seen = await readersAlsoOn(victim);
    const pulled = await pullAll(await as('worker'));
    const watching = new EditorRegistry(await as('worker'), systemClock);
    await watching.start();
    const ingest = await as('ingest');
    const other = new EditorRegistry(ingest, systemClock);
    await other.start();
    const images = await createImageStore(ingest, systemClock, stop.signal);
    const parking = await createParking(await as('worker'), systemClock, stop.signal);
    await write('spark.log.0', 'before');
    await eventually(() => expect(seen.map(({ length }) => length)).toEqual(seen.map(() => 1)));

    await cluster.node(victim).kill();
    const bytes = Buffer.from('after the kill');
    await Promise.all([
      write('spark.log.0', 'after'),
      write('spark.command-envelopes.0', 'envelope'),
      images.put([{ sha256: sha256(bytes), bytes }]),
    ]);
    const place = await parking.park('left', [aCommand({ editor: 'left' })], 1);
    expect(await parking.look()).toEqual({ upTo: place, editors: ['left'] });
    expect(await parking.read('left', 0, 8)).toHaveLength(1);
    expect(await images.get(sha256(bytes))).toEqual(bytes);
    await eventually(() => expect(pulled).toContain('envelope'), { timeoutMs: 60_000 });
    for (const ids of seen)
      await eventually(() => expect(ids).toEqual(['before', 'after']), { timeoutMs: 60_000 });
    await eventually(async () => {
      await other.change('left', () => LEFT);
    });
    await eventually(() => expect([...watching.entries.keys()]).toEqual(['left']), { timeoutMs: 60_000 });
    expect(await canary(ingest)).toBeGreaterThan(0);

    await cluster.node(victim).start();
    await inSync();
    await write('spark.log.0', 'healed');
    for (const ids of seen) await eventually(() => expect(ids).toEqual(['before', 'after', 'healed']));
    await Promise.all([watching.stop(), other.stop()]);
  });
});

/** Readers of the log beside the server, until the consumer of one lives on it: nobody else would feel its end. */
async function readersAlsoOn(server: string): Promise<string[][]> {
  const manager = await jetstreamManager(admin);
  const beside = cluster.nodes.filter(({ name }) => name !== server).map(({ url }) => url);
  const seen: string[][] = [];
  for (;;) {
    seen.push(follow(await as('projector', beside.join(','))));
    const known = () => manager.consumers.list(STREAMS.log).next();
    await eventually(async () => expect(await known()).toHaveLength(seen.length));
    if ((await known()).some((consumer) => consumer.cluster?.leader === server)) return seen;
  }
}

/** What a reader of the log sees, as it comes. */
function follow(nc: NatsConnection): string[] {
  const ids: string[] = [];
  void (async () => {
    for await (const { data } of readStream(jetstream(nc), STREAMS.log, 0, stop.signal))
      ids.push(new TextDecoder().decode(data));
  })();
  return ids;
}

/** What is delivered of partition 0, pulled as the worker does: a fault begins anew at the floor. */
async function pullAll(nc: NatsConnection): Promise<string[]> {
  const inbox = await createCommandInbox(nc, TEST_TOPOLOGY.partitions);
  const bodies: string[] = [];
  void (async () => {
    for (let reset = false; !stop.signal.aborted; ) {
      try {
        if (!reset) await inbox.reset(0);
        reset = true;
        for await (const { original, ack } of inbox.pull(0, 8, stop.signal)) {
          bodies.push(new TextDecoder().decode(original.data));
          ack();
        }
      } catch {
        reset = false;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  })();
  return bodies;
}

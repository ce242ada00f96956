import { jetstream } from '@nats-io/jetstream';
import type { Msg } from 'nats';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeEnvelope } from '../../src/streams/commandCodec.js';
import { createCommandInbox } from '../../src/streams/commandInbox.js';
import { Pulls } from '../../src/streams/commandPull.js';
import { connectRole, type NatsConnection } from '../../src/streams/connection.js';
import { SUBJECTS } from '../../src/streams/subjects.js';
import { STREAMS, workerConsumer } from '../../src/streams/topology.js';
import type { CommandInbox, Delivery } from '../../src/workers/ports.js';
import { aRequest, scriptPayload } from '../support/commandFixtures.js';
import { freshStreams, TEST_TOPOLOGY } from '../support/freshStreams.js';
import { type OwnNats, startOwnNats } from '../support/ownNats.js';

const PARTITIONS = TEST_TOPOLOGY.partitions;
/** Of one pull. */
const BATCH = 64;
const KIB = 1024;
/** Megabytes that are each fsynced, on a machine that has other things to do. */
const PATIENCE_MS = 60_000;
/** A worker busy with something else: what the server pushes meanwhile waits there. */
const BUSY_MS = 1_500;

let server: OwnNats;
let admin: NatsConnection;
const stop = new AbortController();

beforeAll(async () => {
  server = await startOwnNats();
  admin = await connectRole('admin', server.url, server.credentials('admin'));
});
afterAll(async () => {
  stop.abort();
  await admin.close();
  await server.stop();
});
beforeEach(() => freshStreams(admin, { ...TEST_TOPOLOGY, commandsMaxBytes: 1024 * KIB * KIB }));

/** Three scripts of 200 KB: as large as an envelope of SPARK's own gets. */
const scripts = encodeEnvelope(
  [1, 2, 3].map((n) =>
    aRequest({ payload: scriptPayload(`Assets/L${n}.cs`, `// ${'x'.repeat(200 * KIB - 3)}`) }),
  ),
);

async function publish(partition: number, ...bodies: readonly Uint8Array[]): Promise<number[]> {
  const js = jetstream(admin);
  const subject = `${SUBJECTS.envelopes}.${partition}`;
  const acks = await Promise.all(bodies.map((body) => js.publish(subject, body, { timeout: PATIENCE_MS })));
  return acks.map(({ seq }) => seq);
}

/** A worker's connection with its inbox, and how often the server has cut it. */
async function openWorker() {
  const nc = await connectRole('worker', server.url, server.credentials('worker'));
  const cuts: string[] = [];
  void (async () => {
    for await (const { type } of nc.status()) if (type === 'disconnect') cuts.push(type);
  })();
  return { nc, cuts, inbox: await createCommandInbox(nc, PARTITIONS) };
}

/** Pulls as a worker does, batch after batch, anew at the floor after a fault; the places as they came, each at its first coming. */
async function take(inbox: CommandInbox, partition: number, count: number): Promise<number[]> {
  const seqs: number[] = [];
  for (let begun = false; seqs.length < count; )
    try {
      if (!begun) await inbox.reset(partition);
      begun = true;
      for await (const delivery of inbox.pull(partition, BATCH, stop.signal)) {
        delivery.ack();
        if (delivery.seq > (seqs.at(-1) ?? 0)) seqs.push(delivery.seq);
        if (seqs.length === count) break;
      }
    } catch {
      begun = false;
    }
  return seqs;
}

function beBusy(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS);
}

describe('a worker that meets a backlog of large envelopes', () => {
  it('in every partition at once, more than the server keeps for a connection: is never cut off, and gets all of it in order', async () => {
    const published: number[][] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const places: number[] = [];
      for (let n = 0; n < BATCH; n += 8)
        places.push(...(await publish(partition, ...Array.from({ length: 8 }, () => scripts))));
      published.push(places);
    }
    expect(scripts.byteLength * BATCH * PARTITIONS).toBeGreaterThan(2 * 64 * KIB * KIB);
    const { nc, cuts, inbox } = await openWorker();
    const taken = Promise.all(published.map((_, partition) => take(inbox, partition, BATCH)));
    // Every partition has been asked for by now; then nobody reads for a while.
    await Promise.all(published.map((_, partition) => inbox.pending(partition)));
    await nc.flush();
    beBusy();
    expect(await taken).toEqual(published);
    expect(cuts).toEqual([]);
    await nc.close();
  });

  it('one of them larger than its share of a pull: gets it too, in its place', async () => {
    const huge = new Uint8Array(7 * KIB * KIB).fill(32);
    const published: number[][] = [];
    for (let partition = 0; partition < PARTITIONS; partition++)
      published.push(await publish(partition, scripts, huge, scripts, huge, huge));
    const { nc, cuts, inbox } = await openWorker();
    expect(await Promise.all(published.map((places, at) => take(inbox, at, places.length)))).toEqual(
      published,
    );
    expect(cuts).toEqual([]);
    await nc.close();
  });

  it('given a pull that is left after its first message, delivers the rest once more after a reset', async () => {
    const [first, ...rest] = await publish(1, scripts, scripts, scripts);
    const { nc, inbox } = await openWorker();
    await inbox.reset(1);
    let got: Delivery | undefined;
    for await (const delivery of inbox.pull(1, BATCH, stop.signal)) {
      got = delivery;
      break;
    }
    expect(got?.seq).toBe(first);
    expect(await take(inbox, 1, 3)).toEqual([first, ...rest]);
    await nc.close();
  });

  it('given a message that uses its bytes up to the last one, of which the server says nothing, ends and goes on with the next', async () => {
    const { nc, inbox } = await openWorker();
    const pulls = new Pulls(nc, jetstream(nc), STREAMS.commands, PARTITIONS);
    const pulled = async (): Promise<{ readonly seq: number; readonly size: number }[]> => {
      const found = [];
      for await (const { message, seq } of pulls.pull(workerConsumer(2), BATCH, stop.signal)) {
        found.push({ seq, size: (message as Msg & { size(): number }).size() });
        message.respond(new TextEncoder().encode('+ACK'));
        if (found.length === 1 && seq === probe) break;
      }
      return found;
    };
    const [probe] = await publish(2, new Uint8Array(1_000));
    await inbox.reset(2);
    const [{ size } = { size: 0 }] = await pulled();
    const exact = (8 * KIB * KIB) / PARTITIONS - (size - 1_000);
    const [large] = await publish(2, new Uint8Array(exact));
    const [small] = await publish(2, new Uint8Array(10));
    expect(await pulled()).toEqual([{ seq: large, size: (8 * KIB * KIB) / PARTITIONS }]);
    const ending = new AbortController();
    for await (const { seq } of pulls.pull(workerConsumer(2), BATCH, ending.signal)) {
      expect(seq).toBe(small);
      ending.abort();
    }
    await nc.close();
  });
});

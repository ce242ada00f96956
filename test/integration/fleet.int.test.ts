import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers } from 'nats';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { isEnd, type TerminalEvent } from '../../src/events/event.js';
import { connectRole, type NatsConnection, onReconnect } from '../../src/streams/connection.js';
import { createFleetBoard } from '../../src/streams/fleetBoard.js';
import { logFollowing } from '../../src/streams/logReader.js';
import { partitionOf } from '../../src/streams/subjects.js';
import { STREAMS, workerConsumer } from '../../src/streams/topology.js';
import { onReleased, tellReleased } from '../../src/streams/workerRpc.js';
import { Fleet } from '../../src/workers/fleet/fleet.js';
import { Worker } from '../../src/workers/worker.js';
import { scriptPayload } from '../support/commandFixtures.js';
import { freshStreams, TEST_TOPOLOGY } from '../support/freshStreams.js';
import { loggedIn } from '../support/loggedIn.js';
import { MemoryGate } from '../support/memoryGate.js';
import { natsWorkerDependencies } from '../support/natsWorker.js';
import { type OwnNats, startOwnNats } from '../support/ownNats.js';

/** Several workers on a real nats-server before editors in memory. */
const { partitions } = TEST_TOPOLOGY;
const EDITORS = Array.from({ length: 8 }, (_, n) => `editor-${n}`);
const within = { timeout: 30_000, interval: 20 };
let server: OwnNats;
let admin: NatsConnection;
let client: NatsConnection;
let stop: AbortController;
let gate: MemoryGate;
let members = 0;
interface Running {
  readonly fleet: Fleet;
  readonly worker: Worker;
  readonly nc: NatsConnection;
}
const running: Running[] = [];

beforeAll(async () => {
  server = await startOwnNats();
  admin = await connectRole('admin', server.url, server.credentials('admin'));
  client = await connectRole('client', server.url, server.credentials('client'));
});
afterAll(async () => {
  await admin.close();
  await client.close();
  await server.stop();
});
beforeEach(async () => {
  await freshStreams(admin);
  gate = new MemoryGate();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  for (const { fleet, nc } of running.splice(0)) {
    await fleet.stop();
    await nc.close();
  }
});

async function join(): Promise<Running> {
  const nc = await connectRole('worker', server.url, server.credentials('worker'));
  const nothing = (): void => undefined;
  const deps = await natsWorkerDependencies(nc, gate, stop.signal, () => {
    tellReleased(nc);
    void fleet.restart();
  });
  const worker = new Worker(deps);
  const fleet = new Fleet({
    workerId: `w${++members}`,
    gate: 'one',
    partitions,
    beatMs: 100,
    leaveMs: 1_000,
    board: createFleetBoard(nc, systemClock),
    worker,
    clock: systemClock,
    listener: { taken: nothing, given: nothing, standsBy: nothing, warn: nothing },
  });
  onReconnect(nc, () => void worker.reconnected());
  onReleased(nc, () => void worker.reconnected());
  await fleet.start();
  const joined = { fleet, worker, nc };
  running.push(joined);
  return joined;
}

async function publish(n: number): Promise<void> {
  const told = headers();
  told.set('Spark-Idempotency-Key', `k${n}`);
  const body = JSON.stringify(scriptPayload(`Assets/N${n}.cs`, `class N${n} {}`));
  const subject = `spark.commands.${EDITORS[n % EDITORS.length]}.unity.generate_script.session-${n % 3}`;
  await jetstream(client, { timeout: 10_000 }).publish(subject, body, { headers: told });
}

async function ends(): Promise<TerminalEvent[]> {
  return (await loggedIn(logFollowing(admin))).flatMap(({ event }) => (isEnd(event) ? [event] : []));
}

async function allDone(count: number): Promise<void> {
  await expect.poll(async () => (await ends()).length, within).toBe(count);
  const all = await ends();
  expect(all.every(({ outcome }) => outcome === 'completed')).toBe(true);
  expect(new Set(all.map(({ commandId }) => commandId)).size).toBe(count);
  expect(gate.effects).toHaveLength(count);
  for (const editor of EDITORS)
    for (let session = 0; session < 3; session++) {
      const numbers = gate.effects.flatMap(({ editor: at, path }) => {
        const n = Number(/\d+/.exec(path)?.[0]);
        return at === editor && n % 3 === session ? [n] : [];
      });
      expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
    }
}

const ownedBy = ({ worker }: Running): number[] => [...worker.claims.keys()];
const shared = (workers: readonly Running[]) =>
  workers.flatMap(ownedBy).toSorted((one, other) => one - other);
const ALL = Array.from({ length: partitions }, (_, partition) => partition);

describe('several workers on JetStream', () => {
  it('join, leave and die in the middle of work: one owner a partition, each command once, each session in order', async () => {
    gate.onCall = () => systemClock.sleep(3);
    const first = await join();
    expect(shared([first])).toEqual(ALL);
    const publishing = (async () => {
      for (let n = 0; n < 300; n++) await publish(n);
    })();
    const second = await join();
    await expect.poll(() => ownedBy(second).length, within).toBe(Math.floor(partitions / 2));
    const third = await join();
    await expect.poll(() => ownedBy(third).length, within).toBeGreaterThan(0);
    await second.fleet.stop();
    await expect.poll(() => shared([first, third]), within).toEqual(ALL);
    // Without a word, in the middle of whatever it does.
    await first.nc.close();
    await expect.poll(() => ownedBy(third).length, within).toBe(partitions);
    await publishing;
    await allDone(300);
  });

  it('given a frozen worker whose open pull takes deliveries after the takeover, nothing is missed or out of order', async () => {
    const worker = await join();
    for (let partition = 0; partition < partitions; partition++) {
      const consumer = await jetstream(admin).consumers.get(STREAMS.commands, workerConsumer(partition));
      // Asked for, and never looked at: what a process that was stopped has left at the server.
      await consumer.fetch({ max_messages: 5, expires: 20_000 });
    }
    for (let n = 0; n < 60; n++) await publish(n);
    await allDone(60);
    expect(shared([worker])).toEqual(ALL);
    const manager = await jetstreamManager(admin);
    await expect
      .poll(async () => {
        const infos = await Promise.all(
          ALL.map((partition) => manager.consumers.info(STREAMS.commands, workerConsumer(partition))),
        );
        return infos.reduce(
          (sum, { num_ack_pending, num_pending }) => sum + num_ack_pending + num_pending,
          0,
        );
      }, within)
      .toBe(0);
  });

  it('given a worker that has lost its partitions and its connection, a stop ends it', async () => {
    const first = await join();
    await first.nc.close();
    const second = await join();
    await expect.poll(() => ownedBy(second).length, within).toBe(partitions);
    await first.worker.stop();
    const restarting = first.fleet.restart();
    await first.fleet.stop();
    await restarting;
    expect(first.worker.started).toBe(false);
  });

  it('given a nats-server that is killed, both go on with what they had, or share it anew', async () => {
    const [first, second] = [await join(), await join()];
    await expect.poll(() => ownedBy(second).length, within).toBe(Math.floor(partitions / 2));
    for (let n = 0; n < 60; n++) await publish(n);
    await server.kill();
    for (let n = 60; n < 120; n++) await publish(n).catch(() => publish(n));
    await allDone(120);
    await expect.poll(() => shared([first, second]), within).toEqual(ALL);
  });

  it('sends what is about an editor to the partition of that editor', () => {
    expect(new Set(EDITORS.map((editor) => partitionOf(editor, partitions))).size).toBeGreaterThan(1);
  });
});

import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers } from 'nats';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { isEnd, type TerminalEvent } from '../../src/events/event.js';
import { connectRole, type NatsConnection, onReconnect } from '../../src/streams/connection.js';
import { logFollowing } from '../../src/streams/logReader.js';
import { STREAMS, workerConsumer } from '../../src/streams/topology.js';
import { scriptPayload } from '../support/commandFixtures.js';
import { freshStreams, TEST_TOPOLOGY } from '../support/freshStreams.js';
import { loggedIn } from '../support/loggedIn.js';
import { MemoryGate } from '../support/memoryGate.js';
import { natsWorkerDependencies } from '../support/natsWorker.js';
import { OnlyWorker } from '../support/onlyWorker.js';
import { type OwnNats, startOwnNats } from '../support/ownNats.js';

/** A worker on a real nats-server before an editor in memory. */
let server: OwnNats;
let admin: NatsConnection;
let client: NatsConnection;
let stop: AbortController;
let gate: MemoryGate;
const running: { worker: OnlyWorker; nc: NatsConnection }[] = [];
const within = { timeout: 20_000, interval: 20 };

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
  for (const { worker, nc } of running.splice(0)) {
    await worker.stop();
    await nc.close();
  }
});

async function startWorker(): Promise<{ worker: OnlyWorker; lost: unknown[] }> {
  const nc = await connectRole('worker', server.url, server.credentials('worker'));
  const lost: unknown[] = [];
  const deps = await natsWorkerDependencies(nc, gate, stop.signal, (error) => lost.push(error));
  const worker = new OnlyWorker(deps);
  onReconnect(nc, () => void worker.reconnected());
  await worker.start();
  running.push({ worker, nc });
  return { worker, lost };
}

async function publish(editor: string, session: number, n: number, key?: string): Promise<void> {
  const told = headers();
  if (key !== undefined) told.set('Spark-Idempotency-Key', key);
  const body = JSON.stringify(scriptPayload(`Assets/S${session}N${n}.cs`, `class N${n} {}`));
  await jetstream(client, { timeout: 10_000 }).publish(
    `spark.commands.${editor}.unity.generate_script.session-${session}`,
    body,
    { headers: told },
  );
}

async function ends(): Promise<TerminalEvent[]> {
  const all = await loggedIn(logFollowing(admin));
  return all.flatMap(({ event }) => (isEnd(event) ? [event] : []));
}

async function unacked(): Promise<number> {
  const manager = await jetstreamManager(admin);
  let open = 0;
  for (let partition = 0; partition < TEST_TOPOLOGY.partitions; partition++) {
    const info = await manager.consumers.info(STREAMS.commands, workerConsumer(partition));
    open += info.num_pending + info.num_ack_pending;
  }
  return open;
}

function expectOrder(editor: string, count: number): void {
  const paths = gate.effects.filter((effect) => effect.editor === editor).map(({ path }) => path);
  expect([paths.length, new Set(paths).size]).toEqual([count, count]);
  const bySession = new Map<string, number[]>();
  for (const path of paths) {
    const [, session = '', n = ''] = /S(\d+)N(\d+)/.exec(path) ?? [];
    bySession.set(session, [...(bySession.get(session) ?? []), Number(n)]);
  }
  for (const numbers of bySession.values()) expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
}

describe('a worker on JetStream', () => {
  it('given one key twenty times, has one effect, one end, and acknowledges all', async () => {
    await startWorker();
    await Promise.all(Array.from({ length: 20 }, () => publish('left', 1, 1, 'k')));
    await expect.poll(unacked, within).toBe(0);
    expect([gate.effects.length, (await ends()).length]).toEqual([1, 1]);
  });

  it('given its message delivered again and again while it runs, has one effect', async () => {
    const { worker } = await startWorker();
    let release: (() => void) | undefined;
    gate.onCall = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    await publish('left', 1, 1);
    await expect.poll(() => release !== undefined, within).toBe(true);
    for (let n = 0; n < 20; n++) await worker.reconnected();
    release?.();
    await expect.poll(unacked, within).toBe(0);
    expect([gate.effects.length, (await ends()).length]).toEqual([1, 1]);
  });

  it('given a second worker, the first is fenced and drops everything: no effect twice, order kept', async () => {
    const first = await startWorker();
    gate.onCall = () => systemClock.sleep(2);
    const publishing = (async () => {
      for (let n = 0; n < 120; n++) await publish(n % 2 ? 'left' : 'right', n % 3, n);
    })();
    await expect.poll(() => gate.effects.length, within).toBeGreaterThan(10);
    await startWorker();
    await publishing;
    await expect.poll(() => first.lost.length, within).toBe(1);
    await expect.poll(async () => (await ends()).length, within).toBe(120);
    await expect.poll(unacked, within).toBe(0);
    expect(first.worker.view).toBeUndefined();
    expectOrder('left', 60);
    expectOrder('right', 60);
    const all = await ends();
    expect(all.every(({ outcome }) => outcome === 'completed')).toBe(true);
    expect(new Set(all.map(({ commandId }) => commandId)).size).toBe(120);
  });

  it('given a nats-server that is killed in the middle, keeps order and loses and doubles nothing', async () => {
    await startWorker();
    gate.onCall = () => systemClock.sleep(1);
    for (let n = 0; n < 60; n++) await publish(n % 2 ? 'left' : 'right', n % 3, n);
    await expect.poll(() => gate.effects.length, within).toBeGreaterThan(5);
    await server.kill();
    for (let n = 60; n < 120; n++)
      await publish(n % 2 ? 'left' : 'right', n % 3, n, `k${n}`).catch(() =>
        publish(n % 2 ? 'left' : 'right', n % 3, n, `k${n}`),
      );
    await expect.poll(async () => (await ends().catch(() => [])).length, within).toBe(120);
    await expect.poll(unacked, within).toBe(0);
    expectOrder('left', 60);
    expectOrder('right', 60);
  });

  it('given an editor away and back, keeps its order; the others feel nothing', async () => {
    await startWorker();
    gate.away.add('gone');
    for (let n = 0; n < 150; n++) await publish('gone', n % 3, n);
    const manager = await jetstreamManager(admin);
    const parked = async () => (await manager.streams.info(STREAMS.parked)).state.messages;
    await expect.poll(parked, within).toBeGreaterThan(0);
    await expect.poll(unacked, within).toBe(0);
    for (let n = 0; n < 30; n++) await publish('here', n % 3, n);
    await expect.poll(() => gate.effects.length, within).toBe(30);
    for (let n = 150; n < 180; n++) await publish('gone', n % 3, n);
    gate.away.delete('gone');
    await expect.poll(async () => (await ends()).length, within).toBe(210);
    expectOrder('gone', 180);
    expectOrder('here', 30);
    expect((await ends()).every(({ attempts }) => attempts === 1)).toBe(true);
    await expect.poll(parked, within).toBe(0);
  });

  it('given its end with commands parked and others waiting, the next worker finishes all in order', async () => {
    const first = await startWorker();
    gate.away.add('gone');
    for (let n = 0; n < 40; n++) await publish('gone', n % 2, n);
    await expect.poll(unacked, within).toBe(0);
    for (let n = 40; n < 60; n++) await publish('gone', n % 2, n);
    await first.worker.stop();
    gate.away.delete('gone');
    await startWorker();
    await expect.poll(async () => (await ends()).length, within).toBe(60);
    await expect.poll(unacked, within).toBe(0);
    expectOrder('gone', 60);
  });
});

import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { connectRole, type NatsConnection, onReconnect } from '../../src/streams/connection.js';
import { provision } from '../../src/streams/provision.js';
import { TelemetryKeeper } from '../../src/streams/telemetryKeeper.js';
import { STREAMS } from '../../src/streams/topology.js';
import { TEST_TOPOLOGY } from '../support/freshStreams.js';
import { type OwnNats, startOwnNats } from '../support/ownNats.js';
import { eventually } from '../support/spark.js';

let server: OwnNats;
let admin: NatsConnection;
let worker: NatsConnection;

beforeAll(async () => {
  server = await startOwnNats();
  admin = await connectRole('admin', server.url, server.credentials('admin'));
  worker = await connectRole('worker', server.url, server.credentials('worker'));
  await provision(admin, TEST_TOPOLOGY);
});
afterAll(async () => {
  await Promise.all([admin.close(), worker.close()]);
  await server.stop();
});

/** Undefined: the server knows no such stream. */
async function telemetry() {
  const manager = await jetstreamManager(admin, { checkAPI: false });
  for await (const { config, state } of manager.streams.list())
    if (config.name === STREAMS.telemetry) return { config, state };
  return undefined;
}

function keep(connect: () => Promise<NatsConnection>) {
  const told: string[] = [];
  const keeper = new TelemetryKeeper({
    connect,
    limits: TEST_TOPOLOGY,
    clock: systemClock,
    restored: () => told.push('restored'),
    refused: (error) => told.push(`refused: ${String(error)}`),
  });
  return { keeper, told };
}
const asAdmin = () => connectRole('admin', server.url, server.credentials('admin'));
const asWorker = () => connectRole('worker', server.url, server.credentials('worker'));

describe('the telemetry stream', () => {
  it('given nats-server killed, it is gone with the memory it lay in; a worker that reconnects makes it again, as it was', async () => {
    const before = await telemetry();
    const { keeper, told } = keep(asAdmin);
    const back = new Promise<void>((resolve) => onReconnect(worker, resolve));
    await server.kill();
    await back;
    await eventually(async () => expect(await telemetry()).toBeUndefined());
    keeper.look();
    await eventually(() => expect(told).toEqual(['restored']));
    expect((await telemetry())?.config).toEqual(before?.config);
    worker.publish('spark.preview.unity.frame.s1', '{}');
    await eventually(async () => expect((await telemetry())?.state.messages).toBe(1));
    await keeper.stop();
  });

  it('given a stream that is there, it is left alone with what it holds, however often somebody looks', async () => {
    const { keeper, told } = keep(asAdmin);
    for (let n = 0; n < 5; n++) keeper.look();
    await keeper.stop();
    expect([told, (await telemetry())?.state.messages]).toEqual([[], 1]);
  });

  it('given nobody to ask at first, it asks again until it is there', async () => {
    await (await jetstreamManager(admin)).streams.delete(STREAMS.telemetry);
    let asked = 0;
    const { keeper, told } = keep(() =>
      ++asked < 3 ? Promise.reject(new Error('the server is starting')) : asAdmin(),
    );
    keeper.look();
    await eventually(() => expect(told).toEqual(['restored']));
    expect(asked).toBe(3);
    await keeper.stop();
  });

  it('given one who may not make streams, it goes on asking quietly, and stops when it is told to', async () => {
    await (await jetstreamManager(admin)).streams.delete(STREAMS.telemetry);
    let asked = 0;
    const { keeper, told } = keep(() => {
      asked++;
      return asWorker();
    });
    keeper.look();
    await eventually(() => expect(asked).toBeGreaterThan(1));
    await keeper.stop();
    const atLast = asked;
    expect(told).toEqual([]);
    expect(await telemetry()).toBeUndefined();
    expect(asked).toBe(atLast);
  });

  it('given a server that never answers, it stops all the same', async () => {
    const { keeper } = keep(() => new Promise(() => undefined));
    keeper.look();
    await keeper.stop();
  });
});

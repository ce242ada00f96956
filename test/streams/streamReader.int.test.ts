import { type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectRole, type NatsConnection } from '../../src/streams/connection.js';
import { readStream } from '../../src/streams/streamReader.js';
import { STREAMS } from '../../src/streams/topology.js';
import { freshStreams } from '../support/freshStreams.js';
import { type OwnNats, startOwnNats } from '../support/ownNats.js';

let server: OwnNats;
let nc: NatsConnection;
beforeAll(async () => {
  server = await startOwnNats();
  nc = await connectRole('admin', server.url, server.credentials('admin'));
  await freshStreams(nc);
});
afterAll(async () => {
  await nc.close();
  await server.stop();
});

/** Calls `made` in the step in which a reader's consumer is there and nobody reads it yet. */
function telling(made: () => void): JetStreamClient {
  const js = jetstream(nc);
  const get = js.consumers.get.bind(js.consumers);
  js.consumers.get = async (...asked) => {
    const consumer = await get(...asked);
    made();
    return consumer;
  };
  return js;
}

it('given a reader that is stopped while it is being made, it ends, and leaves no consumer behind', async () => {
  const stop = new AbortController();
  const read: number[] = [];
  let made = 0;
  const js = telling(() => {
    made++;
    stop.abort();
  });
  for await (const { streamSeq } of readStream(js, STREAMS.workers, 0, stop.signal)) read.push(streamSeq);
  expect(read).toEqual([]);
  expect(made).toBe(1);
  const { streams } = await jetstreamManager(nc);
  expect((await streams.info(STREAMS.workers)).state.consumer_count).toBe(0);
});

import { describe, expect, it } from 'vitest';
import { Purger } from '../../src/workers/ledger/purger.js';
import type { WorkerDependencies } from '../../src/workers/workerOptions.js';
import { AutoClock } from '../support/autoClock.js';
import { aCommand, inbound } from '../support/commandFixtures.js';
import { MemoryInbox } from '../support/memoryStreams.js';

const WINDOW_MS = 120_000;

async function setup(messages = 10) {
  const inbox = new MemoryInbox();
  const clock = new AutoClock();
  for (let seq = 1; seq <= messages; seq++) inbox.publish(0, (at) => [inbound(aCommand({ seq: at }))]);
  const ack = async (upTo: number) => {
    for await (const delivery of inbox.pull(0, upTo, new AbortController().signal)) delivery.ack();
  };
  const limits = { partitions: 1, duplicateWindowMs: WINDOW_MS };
  const purger = new Purger({ inbox, clock, limits } as unknown as WorkerDependencies, () => [0]);
  return { inbox, clock, ack, purger };
}

describe('the purger', () => {
  it('given done messages, keeps them for twice the duplicate window', async () => {
    const { inbox, clock, ack, purger } = await setup();
    await ack(4);
    await purger.run();
    clock.advance(2 * WINDOW_MS - 1);
    await purger.run();
    expect(inbox.purges).toEqual([]);
    clock.advance(1);
    await purger.run();
    expect(inbox.purges).toEqual([{ partition: 0, seq: 5 }]);
  });

  it('given progress, purges only as far as the floor was two windows ago', async () => {
    const { inbox, clock, ack, purger } = await setup();
    await ack(2);
    await purger.run();
    clock.advance(WINDOW_MS);
    await ack(5);
    await purger.run();
    clock.advance(WINDOW_MS);
    await purger.run();
    expect(inbox.purges).toEqual([{ partition: 0, seq: 3 }]);
    clock.advance(WINDOW_MS);
    await purger.run();
    expect(inbox.purges.at(-1)).toEqual({ partition: 0, seq: 8 });
  });

  it('given a stream more than half full, purges everything done at once', async () => {
    const { inbox, ack, purger } = await setup();
    await ack(3);
    inbox.bytes = inbox.maxBytes / 2 + 1;
    await purger.run();
    expect(inbox.purges).toEqual([{ partition: 0, seq: 4 }]);
  });

  it('given nothing done, purges nothing, however full it is', async () => {
    const { inbox, purger } = await setup();
    inbox.bytes = inbox.maxBytes;
    await purger.run();
    expect(inbox.purges).toEqual([]);
  });
});

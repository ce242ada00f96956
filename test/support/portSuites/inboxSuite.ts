import { describe, expect, it } from 'vitest';
import type { CommandInbox, Delivery } from '../../../src/workers/ports.js';

export interface InboxBench {
  readonly inbox: CommandInbox;
  readonly partition: number;
  /** Publishes `count` commands into the partition; gives their places. */
  publish(count: number): Promise<number[]>;
}

/** Pulls until `count` have come. */
export async function pullSome(
  { inbox, partition }: Pick<InboxBench, 'inbox' | 'partition'>,
  count: number,
): Promise<Delivery[]> {
  const abort = new AbortController();
  const got: Delivery[] = [];
  if (count === 0) return got;
  for await (const delivery of inbox.pull(partition, count, abort.signal)) {
    got.push(delivery);
    if (got.length === count) break;
  }
  abort.abort();
  return got;
}

/** What any command inbox must do. `open` gives one with nothing in it. */
export function inboxSuite(what: string, open: () => Promise<InboxBench>): void {
  const seqs = (deliveries: readonly Delivery[]) => deliveries.map(({ seq }) => seq);

  describe(`the command inbox (${what})`, () => {
    it('delivers in order, with the commands and their places', async () => {
      const bench = await open();
      const places = await bench.publish(5);
      await bench.inbox.reset(bench.partition);
      const got = await pullSome(bench, 5);
      expect(seqs(got)).toEqual(places);
      for (const { items, seq, partition } of got) {
        expect(items).toHaveLength(1);
        expect(items[0]).toMatchObject({
          kind: 'command',
          command: { position: { seq, partition, index: 0, count: 1 } },
        });
      }
    });

    it('given acknowledgements, delivers only the rest after a reset, in order', async () => {
      const bench = await open();
      const places = await bench.publish(6);
      await bench.inbox.reset(bench.partition);
      const got = await pullSome(bench, 4);
      got[0]?.ack();
      got[2]?.ack();
      await acknowledged(bench, places[0] ?? 0);
      await bench.inbox.reset(bench.partition);
      const rest = [1, 3, 4, 5].map((at) => places[at]);
      const again = await pullSome(bench, 4);
      // What was acknowledged out of order may come again; nothing else may be missing or out of order.
      expect(seqs(again).filter((seq) => seq !== places[2])).toEqual(
        rest.slice(0, seqs(again).includes(places[2] ?? 0) ? 3 : 4),
      );
    });

    it('given nothing acknowledged, delivers all of it again after each reset', async () => {
      const bench = await open();
      const places = await bench.publish(3);
      for (let n = 0; n < 3; n++) {
        await bench.inbox.reset(bench.partition);
        expect(seqs(await pullSome(bench, 3))).toEqual(places);
      }
    });

    it('given everything acknowledged, has its floor there and delivers only what is new', async () => {
      const bench = await open();
      const places = await bench.publish(2);
      await bench.inbox.reset(bench.partition);
      for (const delivery of await pullSome(bench, 2)) delivery.ack();
      await acknowledged(bench, places[1] ?? 0);
      const { ackFloor } = await bench.inbox.reset(bench.partition);
      expect(ackFloor).toBeGreaterThanOrEqual(places[1] ?? 0);
      const later = await bench.publish(1);
      expect(seqs(await pullSome(bench, 1))).toEqual(later);
    });

    it('ends a pull when it is told to', async () => {
      const bench = await open();
      await bench.inbox.reset(bench.partition);
      const abort = new AbortController();
      const pulling = (async () => {
        for await (const delivery of bench.inbox.pull(bench.partition, 5, abort.signal))
          throw new Error(`got ${delivery.seq}`);
      })();
      setImmediate(() => abort.abort());
      await pulling;
    });
  });
}

/** Waits until the floor has reached `seq`. */
async function acknowledged({ inbox, partition }: InboxBench, seq: number): Promise<void> {
  for (let n = 0; n < 500; n++) {
    if ((await inbox.pending(partition)).ackFloor >= seq) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`the floor never reached ${seq}`);
}

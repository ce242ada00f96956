import type { Delivery } from '../../src/workers/ports.js';
import type { WorkerWorld } from './workerRig.js';

/** One owner's way to the servers: what is held waits, in order. */
export class Wires {
  readonly #held = new Map<'all' | 'log' | 'parking', (() => void)[]>();

  hold(of: 'all' | 'log' | 'parking'): void {
    if (!this.#held.has(of)) this.#held.set(of, []);
  }

  release(of: 'all' | 'log' | 'parking'): void {
    const waiting = this.#held.get(of) ?? [];
    this.#held.delete(of);
    for (const go of waiting) go();
  }

  async pass(of?: 'log' | 'parking'): Promise<void> {
    for (;;) {
      const held = this.#held.get('all') ?? (of && this.#held.get(of));
      if (!held) return;
      await new Promise<void>((go) => held.push(go));
    }
  }

  /** The world as this owner reaches it. */
  through(world: WorkerWorld): WorkerWorld {
    const { logs, parking, inbox } = world;
    const wires = this;
    return {
      ...world,
      logs: {
        end: async () => {
          await this.pass('log');
          return logs.end();
        },
        follow: async function* (after: number, signal: AbortSignal) {
          for await (const chunk of logs.follow(after, signal)) {
            await wires.pass();
            yield chunk;
          }
        },
        claim: async (partition: number) => {
          await this.pass('log');
          const log = await logs.claim(partition);
          await this.pass();
          let tail: Promise<unknown> = Promise.resolve();
          return {
            epoch: log.epoch,
            append: (...args: Parameters<typeof log.append>) => {
              const result = tail.then(async () => {
                await this.pass('log');
                const place = await log.append(...args);
                await this.pass();
                return place;
              });
              tail = result.catch(() => undefined);
              return result;
            },
            close: () => log.close(),
          };
        },
      },
      parking: {
        park: async (...args: Parameters<typeof parking.park>) => {
          await this.pass('parking');
          const seq = await parking.park(...args);
          await this.pass();
          return seq;
        },
        read: async (...args: Parameters<typeof parking.read>) => {
          await this.pass('parking');
          const batches = await parking.read(...args);
          await this.pass();
          return batches;
        },
        release: async (...args: Parameters<typeof parking.release>) => {
          await this.pass('parking');
          await parking.release(...args);
        },
        look: async () => {
          await this.pass('parking');
          const view = await parking.look();
          await this.pass();
          return view;
        },
      },
      inbox: {
        streamCreated: inbox.streamCreated,
        // At once: that a worker freezes between the word of the log that it is the owner and its reset is not played here.
        reset: async (partition: number) => {
          const answer = await inbox.reset(partition);
          await this.pass();
          return answer;
        },
        pending: async (partition: number) => {
          await this.pass();
          return inbox.pending(partition);
        },
        purgeBelow: (...args: Parameters<typeof inbox.purgeBelow>) => inbox.purgeBelow(...args),
        usage: () => inbox.usage(),
        pull: async function* (partition: number, max: number, signal: AbortSignal) {
          for await (const delivery of inbox.pull(partition, max, signal)) {
            await wires.pass();
            yield {
              ...delivery,
              ack: () => void wires.pass().then(() => delivery.ack()),
            } satisfies Delivery;
          }
        },
      },
    } as unknown as WorkerWorld;
  }
}

import { expect, it } from 'vitest';
import type { Dispatcher } from '../../src/workers/dispatcher.js';
import type { LogFollower } from '../../src/workers/ledger/logFollower.js';
import { ParkingLooks } from '../../src/workers/ledger/parkingLooks.js';
import { claimed, type Owned } from '../../src/workers/ownership.js';
import type { WorkerDependencies } from '../../src/workers/workerOptions.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('given a claim, nothing is taken over before everything that earlier owners have stored is read', async () => {
  const story: string[] = [];
  let read: () => void = () => undefined;
  const follower = {
    reached: (place: number) => {
      story.push(`reads up to ${place}`);
      return new Promise<void>((resolve) => {
        read = resolve;
      });
    },
    own: (partition: number) => story.push(`owns ${partition}`),
    appended: () => undefined,
  } as unknown as LogFollower;
  const deps = {
    log: { claim: async () => ({ epoch: 7, append: async () => 8, close: async () => undefined }) },
    parking: {
      look: async () => {
        story.push('looks at what is parked');
        return { upTo: 0, editors: [] };
      },
    },
    partitionOf: () => 2,
  } as unknown as WorkerDependencies;
  const owned = new Map<number, Owned>();
  const state = { looks: new ParkingLooks() };
  const ownership = {
    owned,
    follower,
    dispatcher: { found: { begin: () => undefined, open: () => undefined } } as unknown as Dispatcher,
    state,
    abort: new AbortController(),
  };
  const taking = claimed(2, ownership, deps, () => true);
  await turn();
  expect([story, owned.size]).toEqual([['reads up to 7'], 0]);
  read();
  expect((await taking)?.partition).toBe(2);
  expect(story).toEqual(['reads up to 7', 'owns 2', 'looks at what is parked']);
});

/** What a claim takes for found of one editor's parking, and how far it tells the log to have seen. */
async function foundIn(
  batches: readonly { readonly parkedSeq: number }[],
  upTo: number,
  looks = new ParkingLooks(),
) {
  const found: number[] = [];
  const told: unknown[] = [];
  const dispatcher = {
    found: {
      claim: (_editor: string, { parkedSeq }: { parkedSeq: number }) => found.push(parkedSeq),
      begin: () => undefined,
      open: () => undefined,
    },
  } as unknown as Dispatcher;
  const follower = {
    reached: async () => undefined,
    own: () => undefined,
    appended: () => undefined,
  } as unknown as LogFollower;
  const append = async (...args: unknown[]) => {
    told.push([...args, found.length]);
    return 8;
  };
  const deps = {
    log: { claim: async () => ({ epoch: 7, append, close: async () => undefined }) },
    parking: {
      look: async () => ({ upTo, editors: ['meadow'] }),
      read: async (_editor: string, after: number) => batches.filter(({ parkedSeq }) => parkedSeq > after),
    },
    partitionOf: () => 2,
  } as unknown as WorkerDependencies;
  const owned = new Map<number, Owned>();
  const ownership = { owned, follower, dispatcher, state: { looks }, abort: new AbortController() };
  await claimed(2, ownership, deps, () => true);
  return { found, told };
}
const stored = (parkedSeq: number, epoch: number) => ({ parkedSeq, commands: [], epoch });

it('given a claim, tells the log how far it sees into the parking before it takes anything of it for found', async () => {
  expect(await foundIn([stored(4, 3)], 6)).toEqual({ found: [4], told: [[[], 6, 0]] });
});

it('given a batch that a fenced owner stores between the look and the reading, then it is not taken for found', async () => {
  expect((await foundIn([stored(1, 3), stored(2, 3)], 1)).found).toEqual([1]);
});

it('given a batch that an owner of before had stored too late for the next one, then it is not taken for found', async () => {
  const looks = new ParkingLooks();
  looks.record(2, 5, 0);
  expect((await foundIn([stored(1, 5), stored(2, 3)], 2, looks)).found).toEqual([1]);
});

import { expect, it } from 'vitest';
import type { Dispatcher } from '../../src/workers/dispatcher.js';
import type { LogFollower } from '../../src/workers/ledger/logFollower.js';
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
      parked: async () => {
        story.push('looks at what is parked');
        return new Map();
      },
    },
    partitionOf: () => 2,
  } as unknown as WorkerDependencies;
  const owned = new Map<number, Owned>();
  const ownership = { owned, follower, dispatcher: {} as Dispatcher, abort: new AbortController() };
  const taking = claimed(2, ownership, deps, () => true);
  await turn();
  expect([story, owned.size]).toEqual([['reads up to 7'], 0]);
  read();
  expect((await taking)?.partition).toBe(2);
  expect(story).toEqual(['reads up to 7', 'owns 2', 'looks at what is parked']);
});

/** What a claim takes for found of one editor's parking, and how far it says to have seen. */
async function foundIn(batches: readonly { readonly parkedSeq: number }[], lastSeq: number) {
  const found: number[] = [];
  const dispatcher = {
    claimParked: (_editor: string, { parkedSeq }: { parkedSeq: number }) => found.push(parkedSeq),
    openParked: () => undefined,
  } as unknown as Dispatcher;
  const follower = {
    reached: async () => undefined,
    own: () => undefined,
    appended: () => undefined,
  } as unknown as LogFollower;
  const deps = {
    log: { claim: async () => ({ epoch: 7, append: async () => 8, close: async () => undefined }) },
    parking: {
      parked: async () => new Map([['meadow', lastSeq]]),
      read: async (_editor: string, after: number) => batches.filter(({ parkedSeq }) => parkedSeq > after),
    },
    partitionOf: () => 2,
  } as unknown as WorkerDependencies;
  const owned = new Map<number, Owned>();
  const ownership = { owned, follower, dispatcher, abort: new AbortController() };
  const taken = await claimed(2, ownership, deps, () => true);
  return { found, upTo: taken?.parkedUpTo.get('meadow') };
}
const stored = (parkedSeq: number, epoch: number) => ({
  parkedSeq,
  commands: [],
  by: { epoch, foundUpTo: 0 },
});

it('given a batch that a fenced owner stores between the look and the reading, then it is not taken for found', async () => {
  expect(await foundIn([stored(1, 3), stored(2, 3)], 1)).toEqual({ found: [1], upTo: 1 });
});

it('given a batch that an owner of before had stored too late for the next one, then it is not taken for found', async () => {
  expect(await foundIn([stored(1, 5), stored(2, 3)], 2)).toEqual({ found: [1], upTo: 2 });
});

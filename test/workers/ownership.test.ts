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

it('given a batch that a fenced owner stores between the look and the reading, then it is not taken for found', async () => {
  const batches = [1, 2].map((parkedSeq) => ({ parkedSeq, commands: [], by: { epoch: 3, foundUpTo: 0 } }));
  const found: number[] = [];
  const opened: string[] = [];
  const dispatcher = {
    claimParked: (_editor: string, { parkedSeq }: { parkedSeq: number }) => found.push(parkedSeq),
    openParked: (editor: string) => opened.push(editor),
  } as unknown as Dispatcher;
  const follower = {
    reached: async () => undefined,
    own: () => undefined,
    appended: () => undefined,
  } as unknown as LogFollower;
  const deps = {
    log: { claim: async () => ({ epoch: 7, append: async () => 8, close: async () => undefined }) },
    parking: {
      parked: async () => new Map([['meadow', 1]]),
      read: async (_editor: string, after: number) => batches.filter(({ parkedSeq }) => parkedSeq > after),
    },
    partitionOf: () => 2,
  } as unknown as WorkerDependencies;
  const owned = new Map<number, Owned>();
  const taken = await claimed(
    2,
    { owned, follower, dispatcher, abort: new AbortController() },
    deps,
    () => true,
  );
  expect([found, opened, taken?.parkedUpTo.get('meadow')]).toEqual([[1], ['meadow'], 1]);
});

import { afterEach, describe, expect, it } from 'vitest';
import { partitionOf } from '../../src/streams/subjects.js';
import { Worker } from '../../src/workers/worker.js';
import { eventually } from '../support/autoClock.js';
import { scriptPayload } from '../support/commandFixtures.js';
import { aWorker, RIG_LIMITS, WorkerWorld } from '../support/workerRig.js';

const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
};

let worker: Worker | undefined;
afterEach(() => worker?.stop());

describe('a partition that is given away', () => {
  it('given a reconnect at the same moment, nobody pulls for it any more, and taken back it misses nothing', async () => {
    const world = new WorkerWorld();
    const { deps } = await aWorker(world, { start: false });
    worker = new Worker(deps);
    await worker.start();
    const partition = partitionOf('default', RIG_LIMITS.partitions);
    await worker.take(partition);
    // A reset that takes its time: the pull that it belongs to ends late.
    const reset = world.inbox.reset.bind(world.inbox);
    let answer: (() => void) | undefined;
    world.inbox.reset = async (of) => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return reset(of);
    };
    const first = worker.reconnected();
    await eventually(() => answer !== undefined, 'a reset under way');
    const again = worker.reconnected();
    const giving = worker.give(partition);
    world.inbox.reset = reset;
    answer?.();
    await Promise.all([first, again, giving]);
    await turns(5);
    expect([world.inbox.openPulls, [...worker.claims.keys()]]).toEqual([0, []]);
    const before = world.inbox.resets;
    for (let n = 0; n < 4; n++) world.publish({ payload: scriptPayload(`Assets/N${n}.cs`) });
    await turns(50);
    expect([world.inbox.resets, world.gate.effects.length]).toEqual([before, 0]);
    await worker.take(partition);
    await world.settled();
    expect(world.gate.effects.map(({ path }) => path)).toEqual([0, 1, 2, 3].map((n) => `Assets/N${n}.cs`));
  });

  it('that another worker has taken meanwhile is not asked for anew: the one who does learns that it is lost', async () => {
    const world = new WorkerWorld();
    const fenced = await aWorker(world);
    const { worker: owner } = await aWorker(world);
    const before = 2 * RIG_LIMITS.partitions;
    await eventually(() => world.inbox.resets === before, 'both to have begun');
    await fenced.worker.reconnected();
    await eventually(() => fenced.lost.length > 0, 'the loss');
    expect(world.inbox.resets).toBe(before);
    await owner.stop();
  });
});

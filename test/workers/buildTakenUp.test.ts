import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/autoClock.js';
import { scriptPayload } from '../support/commandFixtures.js';
import { BEHAVIOUR } from '../support/memoryGate.js';
import { aWorker, type RunningWorker, WorkerWorld } from '../support/workerRig.js';

const running: RunningWorker[] = [];
afterEach(async () => {
  for (const { worker } of running.splice(0)) await worker.stop();
});
const started = async (world: WorkerWorld): Promise<RunningWorker> => {
  const worker = await aWorker(world);
  running.push(worker);
  return worker;
};

describe('a build and a change of files that an earlier life has begun', () => {
  it('given both of one editor, the build is taken up at once and neither waits for the other', async () => {
    const world = new WorkerWorld();
    const first = await started(world);
    world.gate.script.push(BEHAVIOUR.notExecuted);
    world.publish({ editor: 'one', sessionId: 's1', payload: scriptPayload('Assets/A.cs') });
    world.publish({ editor: 'one', sessionId: 's2', type: 'unity.run_build', payload: { target: 'webgl' } });
    await eventually(() => world.gate.builds.started.length === 1, 'the build to be started');
    await first.worker.stop();
    expect(world.ends).toEqual([]);
    world.gate.builds.set('job-1', { state: 'succeeded' });

    await started(world);
    const beganMs = world.clock.monotonicMs();
    await eventually(() => world.ends.length === 2, 'both to end');
    expect(world.ends.map(({ outcome }) => outcome)).toEqual(['completed', 'completed']);
    // An editor waits a minute for a build that nobody takes up.
    expect(world.clock.monotonicMs() - beganMs).toBeLessThan(30_000);
  });
});

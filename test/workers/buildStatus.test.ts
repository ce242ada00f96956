import { afterEach, describe, expect, it } from 'vitest';
import { commandIdOfKey } from '../../src/core/ids.js';
import { eventually } from '../support/autoClock.js';
import { aWorker, type RunningWorker, WorkerWorld } from '../support/workerRig.js';

let running: RunningWorker | undefined;
afterEach(() => running?.worker.stop());

const JOB = commandIdOfKey('builders', 'k');

const statusOf = async (world: WorkerWorld): Promise<unknown> => {
  const seq = world.publish({
    sessionId: 'onlookers',
    type: 'unity.get_build_status',
    payload: { jobId: JOB },
  });
  await eventually(() => world.ends.some(({ position }) => position.seq === seq), 'the answer');
  const end = world.ends.find(({ position }) => position.seq === seq);
  return end?.kind === 'completed' ? end.result : end?.error;
};

describe('get_build_status', () => {
  it('given a build that waits for the command before it, says accepted; then started; before all that, unknown', async () => {
    const world = new WorkerWorld();
    running = await aWorker(world);
    expect(await statusOf(world)).toMatchObject({ code: 'unknown_job', jobId: JOB });
    let go: (() => void) | undefined;
    world.gate.onCall = () =>
      go
        ? undefined
        : new Promise<void>((resolve) => {
            go = resolve;
          });
    world.publish({ sessionId: 'builders' });
    await eventually(() => go !== undefined, 'a command that keeps the editor');
    world.publish({ sessionId: 'builders', key: 'k', type: 'unity.run_build', payload: { target: 'webgl' } });
    expect(await statusOf(world)).toEqual({
      jobId: JOB,
      state: 'accepted',
      editor: 'default',
      sessionId: 'builders',
    });
    go?.();
    await eventually(() => world.gate.builds.started.length === 1, 'the build');
    expect(await statusOf(world)).toMatchObject({
      jobId: JOB,
      state: 'started',
      outputPath: `Builds/webgl/${JOB}`,
    });
    world.gate.builds.set('job-1', { state: 'succeeded' });
    await world.settled();
    expect(await statusOf(world)).toMatchObject({ jobId: JOB, state: 'completed' });
  });

  it('given another kind of command that waits, does not take it for a build', async () => {
    const world = new WorkerWorld();
    running = await aWorker(world);
    world.gate.away.add('default');
    world.publish({ sessionId: 'builders', key: 'k' });
    await eventually(() => running?.worker.view?.dispatcher.claims.size === 1, 'the command');
    expect(await statusOf(world)).toMatchObject({ code: 'unknown_job' });
  });
});

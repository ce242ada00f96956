import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/autoClock.js';
import { scriptPayload } from '../support/commandFixtures.js';
import { aWorker, type RunningWorker, WorkerWorld } from '../support/workerRig.js';

const running: RunningWorker[] = [];
afterEach(async () => {
  for (const { worker } of running.splice(0)) await worker.stop();
});
const COMMANDS = 1_000;

describe('many parked commands', () => {
  it('that reach their deadline at once end with one read a batch, and those that do not stay', async () => {
    const world = new WorkerWorld();
    world.gate.away.add('gone');
    const one = await aWorker(world, { limits: { maxInflight: 5_000 } });
    running.push(one);
    const deadline = new Date(world.clock.nowMs() + 60_000).toISOString();
    const stays = { editor: 'gone', sessionId: 's0', payload: scriptPayload('Assets/Stays.cs') };
    world.publish(stays);
    for (let n = 0; n < COMMANDS; n++)
      world.publish({ ...stays, deadline, payload: scriptPayload(`Assets/N${n}.cs`) });
    await world.settled();
    const batches = world.parking.batches.length;
    expect(batches).toBeGreaterThan(5);
    let reads = 0;
    const read = world.parking.read.bind(world.parking);
    world.parking.read = (...of) => {
      reads++;
      return read(...of);
    };
    const expired = () => world.ends.filter(({ outcome }) => outcome === 'expired').length;
    await eventually(() => expired() === COMMANDS, 'the deadlines', 400_000);
    // Each once, and once more for an id that was still on its way when the scan began.
    expect(reads).toBeLessThanOrEqual(3 * batches);
    world.gate.away.delete('gone');
    await eventually(() => world.ends.length === COMMANDS + 1, 'the one that stays');
    expect(world.gate.effects.map(({ path }) => path)).toEqual(['Assets/Stays.cs']);
    await eventually(() => world.parking.batches.length === 0, 'the parking to be released');
  }, 60_000);

  it('that are cancelled at once end with one read a batch', async () => {
    const world = new WorkerWorld();
    world.gate.away.add('gone');
    const one = await aWorker(world, { limits: { maxInflight: 5_000 } });
    running.push(one);
    for (let n = 0; n < 300; n++)
      world.publish({ editor: 'gone', sessionId: 's0', payload: scriptPayload(`Assets/N${n}.cs`) });
    await world.settled();
    let reads = 0;
    const read = world.parking.read.bind(world.parking);
    world.parking.read = (...of) => {
      reads++;
      return read(...of);
    };
    const ids = world.parking.batches.flatMap(({ json }) =>
      (JSON.parse(json) as { commandId: string }[]).map(({ commandId }) => commandId),
    );
    const batches = world.parking.batches.length;
    const at = new Date(world.clock.nowMs()).toISOString();
    for (const commandId of ids)
      one.worker.view?.dispatcher.cancels.cancel({ commandId, reason: null, actor: 'ann', at });
    await eventually(() => world.ends.length === 300, 'the ends');
    expect(world.ends.every(({ outcome }) => outcome === 'cancelled')).toBe(true);
    expect(reads).toBeLessThanOrEqual(3 * batches);
  });
});

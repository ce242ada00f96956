import { afterEach, describe, expect, it } from 'vitest';
import { BEHAVIOUR } from '../support/memoryGate.js';
import { aWorker, type RunningWorker, WorkerWorld } from '../support/workerRig.js';

const running: RunningWorker[] = [];
afterEach(async () => {
  for (const { worker } of running.splice(0)) await worker.stop();
});

/** Writes down what is told to whom, in order. */
async function watched(world: WorkerWorld): Promise<string[]> {
  const story: string[] = [];
  const { logs, letters, inbox } = world;
  const claim = logs.claim.bind(logs);
  logs.claim = async (partition) => {
    const log = await claim(partition);
    return {
      epoch: log.epoch,
      close: () => log.close(),
      append: async (events) => {
        const place = await log.append(events);
        story.push(...events.map(({ kind }) => `stored ${kind}`));
        return place;
      },
    };
  };
  const append = letters.append.bind(letters);
  letters.append = async (letter) => {
    await new Promise((resolve) => setImmediate(resolve));
    await append(letter);
    story.push('dead letter kept');
  };
  inbox.onAck = () => story.push('acknowledged');
  running.push(await aWorker(world));
  return story;
}

describe('the end of a command', () => {
  it('that completes: intent stored, end stored, acknowledged', async () => {
    const world = new WorkerWorld();
    const story = await watched(world);
    world.publish();
    await world.settled();
    expect(story).toEqual(['stored started', 'stored completed', 'acknowledged']);
  });

  it('that gives up: end stored, dead letter kept, acknowledged', async () => {
    const world = new WorkerWorld();
    world.gate.script.push(...Array(9).fill(BEHAVIOUR.notExecuted));
    const story = await watched(world);
    world.publish();
    await world.settled();
    expect(story).toEqual(['stored started', 'stored failed', 'dead letter kept', 'acknowledged']);
  });

  it('of a refused publish: dead letter kept, end stored, acknowledged', async () => {
    const world = new WorkerWorld();
    const story = await watched(world);
    world.publishBad('session-1', { code: 'malformed_json', message: 'no', errors: [] });
    await world.settled();
    expect(story).toEqual(['dead letter kept', 'stored failed', 'acknowledged']);
  });

  it('that failed before it began: beginning and end stored together', async () => {
    const world = new WorkerWorld();
    const story = await watched(world);
    world.publish({ type: 'unity.delete_script', payload: { path: 'Assets/None.cs' } });
    await world.settled();
    expect(story).toEqual(['stored started', 'stored failed', 'acknowledged']);
    expect(world.letters.letters).toEqual([]);
  });

  it('of one item of an envelope: acknowledged only with the last', async () => {
    const world = new WorkerWorld();
    const story = await watched(world);
    world.publishMany([
      { editor: 'left' },
      { editor: 'left', sessionId: 's2', type: 'session.undo', payload: {} },
    ]);
    await world.settled();
    expect(story.filter((told) => told === 'acknowledged')).toHaveLength(1);
    expect(story.at(-1)).toBe('acknowledged');
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/autoClock.js';
import { scriptPayload } from '../support/commandFixtures.js';
import { BEHAVIOUR } from '../support/memoryGate.js';
import { aWorker, type RunningWorker, WorkerWorld } from '../support/workerRig.js';

const running: RunningWorker[] = [];
afterEach(async () => {
  for (const { worker } of running.splice(0)) await worker.stop();
});

const SESSION = 'session-1';

/** A session with two operations on one editor. */
async function twoOperations(): Promise<WorkerWorld> {
  const world = new WorkerWorld();
  running.push(await aWorker(world));
  for (const name of ['One', 'Two'])
    world.publish({ editor: 'castle', sessionId: SESSION, payload: scriptPayload(`Assets/${name}.cs`) });
  await world.settled();
  return world;
}

const undoThrough = (world: WorkerWorld, editor: string): number =>
  world.publish({ editor, sessionId: SESSION, type: 'session.undo', payload: {} });

const undone = (world: WorkerWorld): unknown[] =>
  world.ends.flatMap((end) =>
    end.type.startsWith('undo.') && end.kind === 'completed' ? [end.result.operationId] : [],
  );

describe('undos of one session through several editors', () => {
  it('given one that is not done at its first call, the next waits for it and takes the operation before', async () => {
    const world = await twoOperations();
    world.gate.script.push(BEHAVIOUR.notExecuted, BEHAVIOUR.notExecuted);
    undoThrough(world, 'tower');
    await eventually(() => world.logs.events.some(({ type }) => type === 'undo.started'), 'its beginning');
    undoThrough(world, 'harbour');
    await world.settled();
    expect(new Set(undone(world)).size).toBe(2);
    expect([world.gate.text('castle', 'Assets/One.cs'), world.gate.text('castle', 'Assets/Two.cs')]).toEqual([
      null,
      null,
    ]);
    expect(world.gate.effects).toHaveLength(4);
  });

  it('given one whose editor stays away, the next is told that it came too late, and nothing is taken back twice', async () => {
    const world = await twoOperations();
    world.gate.script.push(BEHAVIOUR.notExecuted);
    undoThrough(world, 'tower');
    await eventually(() => world.logs.events.some(({ type }) => type === 'undo.started'), 'its beginning');
    world.gate.away.add('castle');
    const late = undoThrough(world, 'harbour');
    world.clock.advance(60_000);
    world.gate.away.delete('castle');
    await world.settled();
    const ends = world.ends.filter(({ type }) => type.startsWith('undo.'));
    expect(ends).toHaveLength(2);
    expect(new Set(undone(world)).size).toBe(undone(world).length);
    expect(world.inbox.unacked).not.toContain(late);
    expect(world.gate.effects).toHaveLength(2 + undone(world).length);
  });
});

describe('an undo through one editor that has begun on a file of another', () => {
  /** It waits for its next attempt, and something else holds the lane that it came through. */
  async function begun(world: WorkerWorld, away: readonly string[]): Promise<number> {
    let go: (() => void) | undefined;
    world.gate.onCall = () =>
      go
        ? undefined
        : new Promise<void>((resolve) => {
            go = resolve;
          });
    world.gate.script.push(BEHAVIOUR.notExecuted);
    undoThrough(world, 'tower');
    await eventually(() => go !== undefined, 'its call');
    for (const editor of away) world.gate.away.add(editor);
    const held = world.publish({
      editor: 'tower',
      sessionId: 'other',
      payload: scriptPayload('Assets/Tower.cs'),
    });
    const claims = () => running.at(-1)?.worker.view?.dispatcher.claims.size;
    await eventually(() => claims() === 2, 'both to be there');
    go?.();
    return held;
  }

  it('given that the editor it was sent to is away, is done all the same, and holds nobody up where it works', async () => {
    const world = await twoOperations();
    const held = await begun(world, ['tower']);
    world.publish({ editor: 'castle', sessionId: 'third', payload: scriptPayload('Assets/Three.cs') });
    await eventually(() => world.inbox.unacked.length === 1, 'the ends of both');
    expect([undone(world).length, world.inbox.unacked]).toEqual([1, [held]]);
    expect(world.gate.text('castle', 'Assets/Three.cs')).not.toBeNull();
    world.gate.away.delete('tower');
    await world.settled();
    expect(world.gate.effects).toHaveLength(5);
  });

  it('given that its worker ends meanwhile, the next one does it, whatever the editor it was sent to does', async () => {
    const world = await twoOperations();
    const held = await begun(world, ['tower', 'castle']);
    await running.pop()?.worker.stop();
    world.gate.away.delete('castle');
    running.push(await aWorker(world));
    await eventually(() => world.inbox.unacked.length === 1, 'the end of the undo');
    expect([undone(world).length, world.inbox.unacked]).toEqual([1, [held]]);
  });
});

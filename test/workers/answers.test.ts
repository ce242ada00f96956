import { afterEach, describe, expect, it } from 'vitest';
import { createWorkerAnswers } from '../../src/workers/answers.js';
import { eventually } from '../support/autoClock.js';
import { aCommand, type CommandWish, scriptPayload } from '../support/commandFixtures.js';
import { contentOfText } from '../support/memoryGate.js';
import { aWorker, type RunningWorker, WorkerWorld } from '../support/workerRig.js';

const running: RunningWorker[] = [];
afterEach(async () => {
  for (const { worker } of running.splice(0)) await worker.stop();
});
async function setup() {
  const world = new WorkerWorld();
  const started = await aWorker(world);
  running.push(started);
  const answers = createWorkerAnswers(started.worker, started.deps);
  const stateOf = async (wish: CommandWish) => (await answers.status([aCommand(wish).commandId]))[0];
  return { world, answers, stateOf, ...started };
}
const plan = { sessionId: 'session-1', direction: 'undo' } as const;

describe('what a worker says of a command', () => {
  it('given one it does not know, nothing', async () => {
    const { answers } = await setup();
    expect(await answers.status(['unknown'])).toEqual([]);
  });

  it('follows it from accepted over started to its end, and says how that was', async () => {
    const { world, stateOf, answers } = await setup();
    let release: (() => void) | undefined;
    world.gate.onCall = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    world.publish({ key: 'a' });
    world.publish({ key: 'b', payload: scriptPayload('Assets/B.cs') });
    await eventually(() => release !== undefined, 'the call');
    expect(await stateOf({ key: 'a' })).toMatchObject({ state: 'started' });
    expect(await stateOf({ key: 'b', payload: scriptPayload('Assets/B.cs') })).toMatchObject({
      state: 'accepted',
      attempts: 0,
    });
    expect(answers.heldCommands()).toBe(2);
    world.gate.onCall = undefined;
    release?.();
    await world.settled();
    expect(await stateOf({ key: 'a' })).toMatchObject({
      state: 'completed',
      attempts: 1,
      outcome: { result: { path: 'Assets/Player.cs' } },
    });
    expect(answers.heldCommands()).toBe(0);
  });

  it('does not tell an end that is not stored', async () => {
    const { world, stateOf } = await setup();
    world.gate.onCall = () => world.logs.hold();
    world.publish({ key: 'a' });
    await eventually(() => world.gate.effects.length === 1, 'the effect');
    expect(await stateOf({ key: 'a' })).toMatchObject({ state: 'started' });
    world.logs.release();
    await world.settled();
    expect(await stateOf({ key: 'a' })).toMatchObject({ state: 'completed' });
  });

  it('stopped, knows nothing and plans nothing', async () => {
    const { worker, answers } = await setup();
    await worker.stop();
    expect([answers.heldCommands(), await answers.status(['x'])]).toEqual([0, []]);
    expect(await answers.planUndo(plan)).toMatchObject({ ok: false, code: 'no_worker' });
  });
});

describe('what an undo would do', () => {
  it('is a diff, and does nothing', async () => {
    const { world, answers } = await setup();
    world.publish({ payload: scriptPayload('Assets/P.cs', 'one\n') });
    world.publish({ payload: scriptPayload('Assets/P.cs', 'two\n', true) });
    await world.settled();
    const answer = (await answers.planUndo(plan)) as { diff: string };
    expect(answer).toMatchObject({ ok: true, path: 'Assets/P.cs', editor: 'default' });
    expect(answer.diff).toMatch(/-two\n\+one/);
    expect(world.gate.text('default', 'Assets/P.cs')).toBe('two\n');
  });

  it('of a file that would go, is a diff to nothing; of what is no text, only names it', async () => {
    const { world, answers } = await setup();
    world.publish({ payload: scriptPayload('Assets/P.cs', 'one\n') });
    await world.settled();
    expect(await answers.planUndo(plan)).toMatchObject({ diff: expect.stringContaining('/dev/null') });
    world.gate.put('default', 'Assets/Q.cs', { bytes: Uint8Array.of(0xff), meta: null });
    world.publish({ payload: scriptPayload('Assets/Q.cs', 'x', true) });
    await world.settled();
    expect(await answers.planUndo(plan)).toMatchObject({ diff: expect.stringMatching(/^Binary/) });
  });

  it('given nothing to undo, a conflict, an editor away, a forbidden path or a lost image, says so by code', async () => {
    const { world, answers } = await setup();
    expect(await answers.planUndo(plan)).toMatchObject({ ok: false, code: 'nothing_to_undo' });
    world.publish({ payload: scriptPayload('Assets/P.cs', 'one') });
    world.publish({ payload: scriptPayload('Assets/P.cs', 'two', true) });
    await world.settled();
    world.gate.put('default', 'Assets/P.cs', contentOfText('by hand'));
    expect(await answers.planUndo(plan)).toMatchObject({ ok: false, code: 'conflict', path: 'Assets/P.cs' });
    world.gate.put('default', 'Assets/P.cs', contentOfText('two'));
    world.gate.away.add('default');
    expect(await answers.planUndo(plan)).toMatchObject({ ok: false, code: 'editor_away' });
    world.gate.away.clear();
    world.gate.onProbe = () => ({ state: 'refused', code: 'outside', message: 'a link' });
    expect(await answers.planUndo(plan)).toMatchObject({ ok: false, code: 'outside' });
    world.gate.onProbe = undefined;
    world.images.bytes.clear();
    expect(await answers.planUndo(plan)).toMatchObject({ ok: false, code: 'image_missing' });
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import type { EditorPause } from '../../src/commands/editorEntry.js';
import type { EditorLive } from '../../src/http/editorsPort.js';
import type { CommandStatus } from '../../src/http/ports.js';
import { createWorkerAnswers } from '../../src/workers/answers.js';
import { EditorHealth } from '../../src/workers/editors/editorHealth.js';
import { eventually } from '../support/autoClock.js';
import { aCommand, type CommandWish, scriptPayload } from '../support/commandFixtures.js';
import { BEHAVIOUR } from '../support/memoryGate.js';
import { aWorker, type RunningWorker, WorkerWorld } from '../support/workerRig.js';

const running: RunningWorker[] = [];
afterEach(async () => {
  for (const { worker } of running.splice(0)) await worker.stop();
});

/** A worker with what it knows of editors, and the question of HTTP. */
async function setup() {
  const world = new WorkerWorld();
  const health = new EditorHealth(world.clock);
  const pauses = new Map<string, EditorPause>();
  const ran = await aWorker(world, { start: false });
  ran.deps.listener.holding = (editor, reason) => health.holding(editor, reason);
  Object.assign(ran.deps, { paused: (editor: string) => pauses.has(editor) });
  await ran.worker.start();
  running.push(ran);
  const pauseOf = (editor: string) => pauses.get(editor) ?? null;
  const answers = createWorkerAnswers(ran.worker, ran.deps, { health, pauseOf });
  const waitingOf = async (wish: CommandWish) =>
    ((await answers.status([aCommand(wish).commandId])) as CommandStatus[])[0]?.waiting;
  const shown = async (editor: string) =>
    ((await answers.editors()) as { editors: EditorLive[] }).editors.find((one) => one.editor === editor);
  return { ...ran, world, health, pauses, answers, waitingOf, shown };
}

const wish = (key: string, change: CommandWish = {}): CommandWish => ({
  ...{ key, sessionId: 'a', payload: scriptPayload(`Assets/${key}.cs`) },
  ...change,
});

/** Holds the editor's calls until it is told to let them go. */
function holdCalls(world: WorkerWorld) {
  const held: (() => void)[] = [];
  world.gate.onCall = () => new Promise<void>((resolve) => held.push(resolve));
  return {
    held,
    release: () => {
      world.gate.onCall = undefined;
      for (const go of held.splice(0)) go();
    },
  };
}

describe('why a command waits', () => {
  it('given others before it, then how many; what runs waits for nothing; the end has no reason', async () => {
    const { world, waitingOf, shown } = await setup();
    const { held, release } = holdCalls(world);
    const wishes = ['one', 'two', 'three'].map((key) => wish(key));
    for (const one of wishes) world.publish(one);
    await eventually(() => held.length === 1, 'the call');
    const [first, second, third] = wishes as [CommandWish, CommandWish, CommandWish];
    expect(await waitingOf(first)).toBeUndefined();
    expect(await waitingOf(second)).toMatchObject({ reason: 'behind 1 command' });
    expect(await waitingOf(third)).toMatchObject({ reason: 'behind 2 commands', since: expect.any(String) });
    expect(await shown('default')).toMatchObject({
      current: { commandId: aCommand(first).commandId, type: 'unity.generate_script', sessionId: 'a' },
      queue: { memory: 2, parked: 0 },
    });
    release();
    await world.settled();
    expect(await waitingOf(third)).toBeUndefined();
    // Nothing to do, and nobody names it: there is no more to be said of it.
    expect(await shown('default')).toBeUndefined();
  });

  it('given an editor that is away, then its name, who is there, and why; parked commands too', async () => {
    const { world, health, waitingOf, shown } = await setup();
    health.surveyed([
      { editor: 'other', source: 'connection', instance: 'other@1', connected: true, reason: null },
    ]);
    world.gate.away.add('foo');
    const lost = wish('lost', { editor: 'foo' });
    world.publish(lost);
    await expect.poll(() => waitingOf(lost)).toBeDefined();
    expect(await waitingOf(lost)).toEqual({
      reason: 'editor `foo` is not connected (connected: `other`): reloading',
      since: expect.any(String),
    });
    await expect.poll(async () => (await shown('foo'))?.queue.parked).toBe(1);
    expect(await waitingOf(lost)).toMatchObject({
      reason: expect.stringContaining('`foo` is not connected'),
    });
    expect(await shown('foo')).toMatchObject({ source: 'commands', health: { state: 'away' } });
    world.gate.away.delete('foo');
    await eventually(() => world.ends.length === 1, 'the end');
    await expect.poll(async () => (await shown('foo'))?.queue.parked ?? 0).toBe(0);
  });

  it('given a pause, then who and why; what runs finishes; resumed and kicked, the rest goes on', async () => {
    const { world, worker, pauses, waitingOf } = await setup();
    const { held, release } = holdCalls(world);
    const [runs, waits] = [wish('runs'), wish('waits')];
    world.publish(runs);
    world.publish(waits);
    await eventually(() => held.length === 1, 'the call');
    pauses.set('default', { by: 'ops', at: '2026-05-01T10:00:00.000Z', reason: 'lunch' });
    expect(await waitingOf(runs)).toBeUndefined();
    expect(await waitingOf(waits)).toEqual({
      reason: 'editor `default` is paused by ops: lunch',
      since: '2026-05-01T10:00:00.000Z',
    });
    release();
    await eventually(() => world.ends.length === 1, 'the end of what ran');
    expect(world.gate.effects.map(({ path }) => path)).toEqual(['Assets/runs.cs']);
    pauses.clear();
    worker.view?.dispatcher.kick('default');
    await world.settled();
    expect(world.gate.effects.map(({ path }) => path)).toEqual(['Assets/runs.cs', 'Assets/waits.cs']);
  });

  it('given a pause from before the start, then nothing runs, and other editors go on', async () => {
    const { world, pauses, waitingOf } = await setup();
    pauses.set('default', { by: 'ops', at: '2026-05-01T10:00:00.000Z', reason: null });
    const held = wish('held');
    world.publish(held);
    world.publish(wish('free', { editor: 'other' }));
    await eventually(() => world.ends.length === 1, 'the end in the other editor');
    expect(world.gate.effects.map(({ editor }) => editor)).toEqual(['other']);
    expect(await waitingOf(held)).toMatchObject({ reason: 'editor `default` is paused by ops' });
  });

  it('given a session that waits for its backoff while another runs, then until when', async () => {
    const { world, waitingOf } = await setup();
    const [tried, next] = [wish('tried'), wish('next', { sessionId: 'b' })];
    let reason: string | undefined;
    world.gate.onCall = async ({ commandId }) => {
      if (commandId === aCommand(next).commandId) reason ??= (await waitingOf(tried))?.reason;
    };
    world.gate.script.push(BEHAVIOUR.notExecuted);
    world.publish(tried);
    world.publish(next);
    await world.settled();
    expect(reason).toMatch(/^its session waits for its backoff until 20\d\d-.*Z/);
  });

  it('given a batch of ids, then states only: programs ask for those', async () => {
    const { world, answers, pauses } = await setup();
    pauses.set('default', { by: 'ops', at: '2026-05-01T10:00:00.000Z', reason: null });
    const wishes = [wish('x'), wish('y')];
    for (const one of wishes) world.publish(one);
    const ids = wishes.map((one) => aCommand(one).commandId);
    await expect.poll(async () => (await answers.status(ids)).length).toBe(2);
    for (const status of await answers.status(ids)) expect(status).not.toHaveProperty('waiting');
  });
});

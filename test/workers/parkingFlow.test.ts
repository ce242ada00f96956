import { afterEach, describe, expect, it } from 'vitest';
import { Hysteresis } from '../../src/core/hysteresis.js';
import { partitionOf } from '../../src/streams/subjects.js';
import { relieve } from '../../src/workers/lanes/relief.js';
import { eventually } from '../support/autoClock.js';
import { aCommand, scriptPayload } from '../support/commandFixtures.js';
import { BEHAVIOUR } from '../support/memoryGate.js';
import { aWorker, RIG_LIMITS, type RunningWorker, WorkerWorld } from '../support/workerRig.js';

const running: RunningWorker[] = [];
const started = async (...of: Parameters<typeof aWorker>): Promise<RunningWorker> => {
  const worker = await aWorker(...of);
  running.push(worker);
  return worker;
};
afterEach(async () => {
  for (const { worker } of running.splice(0)) await worker.stop();
});
const publish = (world: WorkerWorld, editor: string, n: number) =>
  world.publish({ editor, sessionId: `s${n % 3}`, payload: scriptPayload(`Assets/S${n % 3}N${n}.cs`) });
const numbers = (world: WorkerWorld, editor: string, session: number) =>
  world.gate.effects
    .filter((effect) => effect.editor === editor && effect.path.includes(`S${session}N`))
    .map(({ path }) => Number(/N(\d+)/.exec(path)?.[1]));

function expectOrder(world: WorkerWorld, editor: string, count: number): void {
  for (const session of [0, 1, 2]) {
    const done = numbers(world, editor, session);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(new Set(done).size).toBe(done.length);
  }
  expect([0, 1, 2].flatMap((session) => numbers(world, editor, session))).toHaveLength(count);
}

/** Each call runs until the step that is asked for then, or the end of its worker. */
function inSteps(world: WorkerWorld): () => void {
  let finish: () => void = () => undefined;
  world.gate.onCall = ({ signal }) =>
    new Promise<void>((resolve, reject) => {
      finish = resolve;
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  return () => finish();
}
const sender =
  (world: WorkerWorld, editor: string) =>
  (session: number, ...ns: number[]): number[] =>
    ns.map((n) =>
      world.publish({
        editor,
        sessionId: `s${session}`,
        payload: scriptPayload(`Assets/S${session}N${n}.cs`),
      }),
    );
const laneOf = ({ worker }: RunningWorker, name: string) =>
  worker.view?.dispatcher.lanes.find(({ editor }) => editor === name);

describe('an editor that is away', () => {
  it('keeps its commands parked, acknowledged and in order; other editors feel nothing; no attempt is spent', async () => {
    const world = new WorkerWorld();
    world.gate.away.add('gone');
    await started(world);
    for (let n = 0; n < 300; n++) publish(world, 'gone', n);
    for (let n = 0; n < 30; n++) publish(world, 'here', n);
    await eventually(() => world.gate.effects.length === 30, 'the editor that is here');
    await world.settled();
    for (let n = 300; n < 330; n++) publish(world, 'gone', n);
    await world.settled();
    expect(world.parking.batches.length).toBeGreaterThan(2);
    world.gate.away.delete('gone');
    await eventually(() => world.ends.length === 360, 'the editor that was gone');
    expectOrder(world, 'gone', 330);
    expectOrder(world, 'here', 30);
    expect(world.ends.every((end) => end.attempts === 1)).toBe(true);
    await eventually(() => world.parking.batches.length === 0, 'the parking to be released');
  });

  it('given a command that was running while its successors were parked, and the end of its worker, runs it before them', async () => {
    const world = new WorkerWorld();
    const untilAborted = ({ signal }: { signal: AbortSignal }) =>
      new Promise<void>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    world.gate.onCall = untilAborted;
    const first = await started(world);
    for (let n = 0; n < 30; n++)
      world.publish({ editor: 'slow', sessionId: 's0', payload: scriptPayload(`Assets/S0N${n}.cs`) });
    await eventually(() => world.gate.calls.length === 1, 'the first to be running');
    for (const lane of first.worker.view?.dispatcher.lanes ?? []) lane.parkWaiting();
    await eventually(() => world.inbox.unacked.length === 1, 'all others to be parked');
    await first.worker.stop();
    world.gate.onCall = undefined;

    // The next owner has read the parking long before the command stream delivers again.
    const reset = world.inbox.reset.bind(world.inbox);
    world.inbox.reset = async (partition) => {
      await world.clock.sleep(1_000);
      return reset(partition);
    };
    await started(world);
    await eventually(() => world.ends.length === 30, 'all of them');
    expect(numbers(world, 'slow', 0)).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  it('given commands that were in memory between what was parked before them and behind them, and the end of its worker, keeps their place', async () => {
    const world = new WorkerWorld();
    const step = inSteps(world);
    const send = sender(world, 'slow');
    const first = await started(world);
    const lane = () => laneOf(first, 'slow');
    send(2, 0);
    await eventually(() => world.gate.calls.length === 1, 'the first to be running');
    send(1, 0, 1, 2);
    send(0, 0, 1, 2);
    await eventually(() => lane()?.depth === 7, 'all of them to be in memory');
    lane()?.parkWaiting();
    await eventually(() => world.inbox.unacked.length === 1, 'two sessions to be parked together');
    step();
    await eventually(() => lane()?.depth === 6 && world.gate.calls.length === 2, 'them to be fetched');
    send(0, 3, 4);
    await eventually(() => lane()?.depth === 8, 'more to be in memory');
    // Back goes the other session alone, and with it the batch of both: what comes now goes behind it.
    lane()?.parkSession('s1');
    send(0, 5, 6);
    await eventually(() => world.parking.parks > 1 && world.inbox.unacked.length === 2, 'it to be parked');
    await first.worker.stop();
    world.gate.onCall = undefined;
    world.gate.away.add('slow');

    // Two owners find it so: the second what the first has made of it.
    const second = await started(world);
    send(0, 7);
    await eventually(() => world.inbox.unacked.length === 0, 'all of it to be parked');
    await second.worker.stop();
    world.gate.away.delete('slow');
    await started(world);
    await eventually(() => world.ends.length === 12, 'all of them');
    expectOrder(world, 'slow', 12);
  });

  it('given a command that had begun behind one that has ended, and the end of its worker, keeps it before all that is parked', async () => {
    const world = new WorkerWorld();
    const step = inSteps(world);
    const send = sender(world, 'slow');
    const first = await started(world);
    send(2, 0);
    await eventually(() => world.gate.calls.length === 1, 'the first to be running');
    send(0, 0);
    send(1, 0, 1, 2);
    await eventually(() => laneOf(first, 'slow')?.depth === 5, 'all of them to be in memory');
    laneOf(first, 'slow')?.parkWaiting();
    await eventually(() => world.inbox.unacked.length === 1, 'two sessions to be parked together');
    step();
    await eventually(() => laneOf(first, 'slow')?.depth === 4 && world.gate.calls.length === 2, 'the fetch');
    const [begun] = send(0, 1);
    await eventually(() => laneOf(first, 'slow')?.depth === 5, 'another to be in memory');
    const hasBegun = () =>
      laneOf(first, 'slow')
        ?.look()
        .running.some(({ command }) => command.position.seq === begun);
    for (let calls = 3; !hasBegun(); calls++) {
      step();
      await eventually(() => world.gate.calls.length === calls, 'the next to be running');
    }
    const depth = laneOf(first, 'slow')?.depth ?? 0;
    send(0, 2);
    await eventually(() => laneOf(first, 'slow')?.depth === depth + 1, 'its successor');
    laneOf(first, 'slow')?.parkWaiting();
    await eventually(() => world.inbox.unacked.length === 1, 'what waits to be parked');
    await first.worker.stop();
    world.gate.onCall = undefined;
    world.gate.away.add('slow');

    const second = await started(world);
    await eventually(() => (laneOf(second, 'slow')?.depth ?? 0) > 0, 'it to be there again');
    expect(world.inbox.unacked).toEqual([begun]);
    world.gate.away.delete('slow');
    await eventually(() => world.ends.length === 7, 'all of them');
    expectOrder(world, 'slow', 7);
  });

  it('given what an owner stored in the parking after it had lost the partition, the order of the session stands', async () => {
    const world = new WorkerWorld();
    const late = (await started(world)).worker.claims;
    world.gate.away.add('slow');
    for (const { worker } of running.splice(0)) await worker.stop();
    const next = await started(world);
    const partition = partitionOf('slow', RIG_LIMITS.partitions);
    const commands = [0, 1, 2].map((n) => {
      const wish = { editor: 'slow', sessionId: 's0', payload: scriptPayload(`Assets/S0N${n}.cs`) };
      return aCommand({ ...wish, seq: world.publish(wish), index: 0, count: 1, partition });
    });
    // Its successor has looked before, and knows nothing of this batch.
    await world.parking.park('slow', commands.slice(1), late.get(partition) ?? 0);
    await eventually(() => world.inbox.unacked.length === 0, 'all of them to be parked');
    await next.worker.stop();
    world.gate.away.delete('slow');
    await started(world);
    await eventually(() => world.ends.length === 3, 'all of them');
    expect(numbers(world, 'slow', 0)).toEqual([0, 1, 2]);
  });

  it('that comes and goes in the middle of calls loses nothing and doubles nothing', async () => {
    const world = new WorkerWorld();
    let calls = 0;
    world.gate.onCall = (_call, editor) => {
      if (++calls % 7 === 0) {
        world.gate.away.add(editor);
        void world.clock.sleep(calls % 2 ? 3_000 : 150).then(() => world.gate.away.delete(editor));
      }
      if (calls % 5 === 0) world.gate.script.unshift(BEHAVIOUR.losesReply);
    };
    await started(world);
    for (let n = 0; n < 120; n++) publish(world, 'moody', n);
    await eventually(() => world.ends.length === 120, 'all', 200_000);
    expectOrder(world, 'moody', 120);
    expect(world.ends.every(({ outcome }) => outcome === 'completed')).toBe(true);
  });

  it('when its worker dies: the next owner finds what is parked, keeps the order and acknowledges what comes again', async () => {
    const world = new WorkerWorld();
    world.gate.away.add('gone');
    const first = await started(world);
    // Acknowledgements are lost on the wire: all of it will be delivered again.
    const track = first.worker.view?.dispatcher.inFlight;
    for (let n = 0; n < 40; n++) publish(world, 'gone', n);
    await eventually(() => world.parking.batches.length > 0 && track?.commands === 0, 'the parking');
    await first.worker.stop();
    world.inbox.forgetAcks();
    world.gate.away.delete('gone');
    const second = await started(world);
    for (let n = 40; n < 50; n++) publish(world, 'gone', n);
    await eventually(() => world.ends.length === 50, 'all');
    await world.settled();
    expectOrder(world, 'gone', 50);
    expect(second.worker.view?.dispatcher.inFlight.commands).toBe(0);
    await eventually(() => world.parking.batches.length === 0, 'the parking to be released');
  });
});

describe('relief', () => {
  it('given the brake on, parks what a slow editor holds beyond its share, and every command still runs in order', async () => {
    const world = new WorkerWorld();
    const { worker } = await started(world, { limits: { maxInflight: 120, batchSize: 8 } });
    world.gate.onCall = async (_call, editor) => {
      await world.clock.sleep(editor === 'slow' ? 50 : 5);
      const { view } = worker;
      const brake = new Hysteresis(90, 45);
      if (view && brake.update(view.dispatcher.inFlight.commands)) relieve(view.dispatcher, brake);
    };
    for (let n = 0; n < 200; n++) publish(world, 'slow', n);
    for (let n = 0; n < 60; n++) for (const editor of ['quick', 'brisk', 'fast']) publish(world, editor, n);
    await eventually(() => world.ends.length === 380, 'all', 100_000);
    expectOrder(world, 'slow', 200);
    for (const editor of ['quick', 'brisk', 'fast']) expectOrder(world, editor, 60);
    expect(world.parking.parks).toBeGreaterThan(0);
    await eventually(() => world.parking.batches.length === 0, 'the parking to be released');
  }, 60_000);

  it('given a flood of one session and deliveries far behind, lets another session through, and keeps the order of both', async () => {
    const world = new WorkerWorld();
    const { worker } = await started(world, { limits: { maxInflight: 64, batchSize: 8 } });
    const crowding = { blockedMs: 0, behindMs: 10_000 };
    world.gate.onCall = async () => {
      await world.clock.sleep(20);
      const { view } = worker;
      const brake = new Hysteresis(48, 24);
      if (view && brake.update(view.dispatcher.inFlight.load)) relieve(view.dispatcher, brake, crowding);
    };
    const send = (sessionId: string, n: number) =>
      world.publish({ editor: 'one', sessionId, payload: scriptPayload(`Assets/${sessionId}N${n}.cs`) });
    for (let n = 0; n < 300; n++) send('S0', n);
    for (let n = 0; n < 5; n++) send('S1', n);
    await eventually(() => numbers(world, 'one', 1).length === 5, 'the other session', 200_000);
    expect(numbers(world, 'one', 0).length).toBeLessThan(200);
    await eventually(() => world.ends.length === 305, 'all', 200_000);
    expect(numbers(world, 'one', 0)).toEqual(Array.from({ length: 300 }, (_, n) => n));
    expect(numbers(world, 'one', 1)).toEqual([0, 1, 2, 3, 4]);
    await eventually(() => world.parking.batches.length === 0, 'the parking to be released');
  }, 60_000);

  it('given nothing pulled for long because of many sessions on a slow editor, makes room until the brake is off', async () => {
    const world = new WorkerWorld();
    const { worker } = await started(world, { limits: { maxInflight: 64, batchSize: 8 } });
    let open: () => void = () => undefined;
    const blocked = new Promise<void>((resolve) => (open = resolve));
    world.gate.onCall = (_call, editor) => (editor === 'slow' ? blocked : Promise.resolve());
    for (let n = 0; n < 100; n++)
      world.publish({ editor: 'slow', sessionId: `m${n}`, payload: scriptPayload(`Assets/M${n}.cs`) });
    world.publish({ editor: 'quick', sessionId: 'q', payload: scriptPayload('Assets/Q.cs') });
    const { view } = worker;
    await eventually(() => worker.paused, 'the brake', 2_000);
    for (let round = 0; round < 20 && world.ends.length === 0; round++) {
      const brake = new Hysteresis(48, 24);
      if (view && brake.update(view.dispatcher.inFlight.load))
        relieve(view.dispatcher, brake, { blockedMs: 10_000, behindMs: 0 });
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(world.gate.effects.map(({ editor }) => editor)).toEqual(['quick']);
    open();
    await eventually(() => world.ends.length === 101, 'all', 200_000);
  });
});

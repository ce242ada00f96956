import { afterEach, describe, expect, it } from 'vitest';
import { isEnd } from '../../src/events/event.js';
import { Lane, type LaneDependencies } from '../../src/workers/lanes/lane.js';
import { ParkedLane } from '../../src/workers/lanes/parkedLane.js';
import { newTask, type Task, type Verdict } from '../../src/workers/lanes/task.js';
import { AutoClock, eventually } from '../support/autoClock.js';
import { aCommand, scriptPayload } from '../support/commandFixtures.js';
import { MemoryParking } from '../support/memoryStreams.js';
import { aWorker, type RunningWorker, WorkerWorld } from '../support/workerRig.js';

const completed: Verdict & { kind: 'completed' } = { kind: 'completed', result: {} };
const item = { delivery: {} as never, index: 0, settle: () => undefined };
const taskOf = (seq: number, sessionId = 's1', type = 'unity.generate_script'): Task =>
  newTask({ ...aCommand({ seq, sessionId, editor: 'left' }), type }, { kind: 'stream', item }, undefined);

/** Executions end when the test says so. */
function setup(over: Partial<LaneDependencies> = {}) {
  const clock = new AutoClock();
  const finished: [number, string][] = [];
  const fatal: unknown[] = [];
  const running = new Map<number, { end: (verdict: Verdict) => void; signal: AbortSignal }>();
  const abort = new AbortController();
  const parking = new MemoryParking();
  const parked = new ParkedLane(
    'left',
    parking,
    async () => undefined,
    (error) => fatal.push(error),
  );
  const lane: Lane = new Lane(
    'left',
    {
      clock,
      parked,
      limits: { parkAfterMs: 1_000, maxHoldPollMs: 200, maxBesideLane: 2 },
      paused: () => false,
      execute: (task, signal) =>
        new Promise((end, reject) => {
          running.set(task.command.position.seq, { end, signal });
          signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
        }),
      finish: (task, verdict) =>
        finished.push([
          task.command.position.seq,
          verdict.kind === 'completed' ? 'completed' : verdict.outcome,
        ]),
      readiness: async () => ({ state: 'ready' }),
      admitParked: (to, { parkedSeq, commands }) => {
        for (const command of commands)
          to.enqueue(newTask(command, { kind: 'parked', parkedSeq }, undefined));
      },
      moved: () => undefined,
      fatal: (error) => fatal.push(error),
      holding: () => undefined,
      ...over,
    },
    abort.signal,
  );
  const end = (seq: number, verdict: Verdict = completed) => {
    running.get(seq)?.end(verdict);
    running.delete(seq);
  };
  const runs = (...seqs: number[]) =>
    eventually(() => seqs.every((seq) => running.has(seq)), `${seqs.join()} to run`);
  return { lane, clock, parking, finished, fatal, running, abort, end, runs };
}

describe('commands beside the lane', () => {
  it('run while another holds the lane, as many as allowed at once, one of a session', async () => {
    const { lane, running, end, runs, finished } = setup();
    lane.accept(taskOf(1));
    for (const [seq, session] of [
      [2, 'a'],
      [3, 'a'],
      [4, 'b'],
      [5, 'c'],
    ] as const)
      lane.accept(taskOf(seq, session, 'cv.ocr'));
    await runs(1, 2, 4);
    expect([[...running.keys()].sort(), lane.depth]).toEqual([[1, 2, 4], 5]);
    end(4);
    await runs(5);
    end(2);
    await runs(3);
    for (const seq of [1, 3, 5]) end(seq);
    await eventually(() => finished.length === 5 && lane.idle, 'all');
  });

  it('keep the order of their session with those that need the lane', async () => {
    const { lane, end, runs, running, finished } = setup();
    lane.accept(taskOf(1, 'a', 'cv.ocr'));
    lane.accept(taskOf(2, 'a'));
    lane.accept(taskOf(3, 'b'));
    await runs(1, 3);
    end(3);
    await eventually(() => finished.length === 1, 'the other session');
    expect(running.has(2)).toBe(false);
    end(1);
    await runs(2);
    end(2);
    await eventually(() => finished.length === 3, 'all');
  });

  it('begin when the one before them in their session, which needed the lane, has ended', async () => {
    const { lane, end, runs, finished } = setup();
    lane.accept(taskOf(1, 'a'));
    lane.accept(taskOf(2, 'a', 'cv.ocr'));
    await runs(1);
    end(1);
    await runs(2);
    end(2);
    await eventually(() => finished.length === 2 && lane.idle, 'both');
  });

  it('given a service that is away, hold their own session only', async () => {
    const { lane, clock, end, runs, finished } = setup();
    lane.accept(taskOf(1, 'a', 'cv.ocr'));
    lane.accept(taskOf(2, 'b'));
    await runs(1, 2);
    const began = clock.monotonicMs();
    end(1, { kind: 'hold', reason: 'circuit open', retryAfterMs: 700 });
    end(2);
    await eventually(() => finished.length === 1, 'the lane');
    await runs(1);
    expect(clock.monotonicMs() - began).toBeGreaterThanOrEqual(700);
    end(1);
    await eventually(() => finished.length === 2, 'all');
  });

  it('thrown by, end the ownership', async () => {
    const { lane, fatal } = setup({ execute: () => Promise.reject(new Error('fenced')) });
    lane.accept(taskOf(1, 'a', 'cv.ocr'));
    await eventually(() => fatal.length === 1, 'the end');
  });
});

describe('a detached command', () => {
  const detach = async () => {
    const rig = setup();
    let resolve: (verdict: typeof completed) => void = () => undefined;
    let reject: (error: unknown) => void = () => undefined;
    const done = new Promise<typeof completed>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    rig.lane.accept(taskOf(1));
    rig.lane.accept(taskOf(2));
    await rig.runs(1);
    rig.end(1, { kind: 'detached', done });
    await rig.runs(2);
    return { ...rig, resolve, reject };
  };

  it('lets its lane and its session go on; its end is told when it comes', async () => {
    const { lane, end, finished, resolve } = await detach();
    end(2);
    await lane.drained();
    expect([finished, lane.depth, lane.idle]).toEqual([[[2, 'completed']], 1, false]);
    resolve(completed);
    await lane.settled();
    expect([finished.at(-1), lane.idle]).toEqual([[1, 'completed'], true]);
  });

  it('aborted with its owner, stays open; failed in any other way, ends the ownership', async () => {
    const aborted = await detach();
    aborted.abort.abort();
    aborted.reject(new Error('aborted'));
    await aborted.lane.settled();
    expect([aborted.finished, aborted.fatal]).toEqual([[], []]);
    const broken = await detach();
    broken.end(2);
    broken.reject(new Error('broken'));
    await broken.lane.settled();
    expect(broken.fatal).toEqual([expect.objectContaining({ message: 'broken' })]);
  });
});

describe('a paused lane', () => {
  it('takes nothing new, parks what waits for long, and goes on when it is told', async () => {
    let paused = false;
    const { lane, end, runs, running, parking, finished } = setup({ paused: () => paused });
    lane.accept(taskOf(1));
    await runs(1);
    paused = true;
    lane.accept(taskOf(2));
    lane.accept(taskOf(3, 'b', 'cv.ocr'));
    end(1);
    await eventually(() => parking.batches.length > 0, 'the parking');
    expect([finished, [...running.keys()]]).toEqual([[[1, 'completed']], []]);
    paused = false;
    lane.kick();
    await runs(2, 3);
    end(2);
    end(3);
    await eventually(() => finished.length === 3, 'all');
  });
});

describe('a command that comes again and may have changed a file', () => {
  it('does not go behind what is parked of its session', async () => {
    const { lane, parking, runs, end } = setup();
    lane.accept(taskOf(1));
    await runs(1);
    lane.accept(taskOf(3));
    lane.parkWaiting();
    await eventually(() => parking.batches.length === 1, 'its successor to be parked');
    const again = taskOf(2);
    again.mayHaveRun = true;
    again.started = { build: { buildId: 'b' } } as never;
    lane.accept(again);
    end(1);
    await runs(2);
    expect(parking.batches).toHaveLength(1);
    end(2);
    await runs(3);
    end(3);
  });
});

describe('a lane that is given away', () => {
  it('while it fetches, does not begin with what comes then: the commands before that were dropped', async () => {
    const { lane, parking, runs, end, running } = setup();
    lane.accept(taskOf(1));
    await runs(1);
    for (let seq = 2; seq <= 6; seq++) {
      lane.accept(taskOf(seq));
      lane.parkWaiting();
      await eventually(() => parking.batches.length === seq - 1, 'a batch of its own');
    }
    const { read } = parking;
    let arrive: (() => void) | undefined;
    parking.read = async (editor, after, max) => {
      const batches = await read.call(parking, editor, after, max);
      if (batches[0]?.commands[0]?.position.seq === 6) await new Promise<void>((go) => (arrive = go));
      return batches;
    };
    end(1);
    await eventually(() => arrive !== undefined, 'the last to be fetched behind the others');
    expect(lane.dropWaiting().map(({ command }) => command.position.seq)).toEqual([2, 3, 4, 5]);
    arrive?.();
    await lane.drained();
    expect([[...running.keys()], lane.depth]).toEqual([[], 0]);
  });
});

describe('cancelling in a lane', () => {
  const request = (task: Task) => ({
    commandId: task.command.commandId,
    reason: 'why',
    actor: 'ann',
    at: '2026-03-01T10:00:00.000Z',
  });

  it('ends what waits, stops what is harmless, and lets a change that runs end as it would', async () => {
    const { lane, end, runs, running, finished } = setup();
    const [change, waits, after] = [taskOf(1), taskOf(2), taskOf(3)];
    const look = taskOf(4, 'b', 'unity.render_preview');
    for (const task of [change, waits, after]) lane.accept(task);
    await runs(1);
    expect([lane.cancel(request(waits)), lane.cancel(request(change))]).toEqual([true, true]);
    expect(finished).toEqual([[2, 'cancelled']]);
    expect(running.get(1)?.signal.aborted).toBe(false);
    end(1);
    await runs(3);
    end(3);
    lane.accept(look);
    await runs(4);
    lane.cancel(request(look));
    await eventually(() => finished.length === 4, 'all');
    expect(finished.slice(1)).toEqual([
      [1, 'completed'],
      [3, 'completed'],
      [4, 'cancelled'],
    ]);
    expect(lane.cancel(request(look))).toBe(false);
  });
});

describe('a worker', () => {
  const running: RunningWorker[] = [];
  afterEach(async () => {
    for (const { worker } of running.splice(0)) await worker.stop();
  });
  const started = async (...of: Parameters<typeof aWorker>) => {
    const worker = await aWorker(...of);
    running.push(worker);
    return worker;
  };
  const request = (commandId: string) => ({
    commandId,
    reason: null,
    actor: 'ann',
    at: '2026-03-01T10:00:00.000Z',
  });

  it('given cancelled commands not delivered yet, in memory and parked, ends each once and runs none', async () => {
    const world = new WorkerWorld();
    world.gate.away.add('gone');
    const { worker } = await started(world);
    const keys = Array.from({ length: 6 }, (_, n) => `k${n}`);
    const ids = keys.map(
      (key) => aCommand({ key, editor: 'gone', payload: scriptPayload(`Assets/${key}.cs`) }).commandId,
    );
    const publish = (key: string) =>
      world.publish({ key, editor: 'gone', payload: scriptPayload(`Assets/${key}.cs`) });
    const desk = worker.view?.dispatcher.cancels;
    desk?.cancel(request(String(ids[5])));
    for (const key of keys.slice(0, 3)) publish(key);
    desk?.cancel(request(String(ids[1])));
    await eventually(
      () => worker.view?.dispatcher.claims.find(String(ids[2]))?.parked === true,
      'the parking',
    );
    desk?.cancel(request(String(ids[2])));
    await eventually(() => world.ends.length === 2, 'the ends of what waits');
    for (const key of keys.slice(3)) publish(key);
    await eventually(() => world.ends.length === 3, 'the end of what came later');
    world.gate.away.delete('gone');
    await eventually(() => world.ends.length === 6, 'all');
    const outcomes = new Map(world.ends.map((event) => [event.commandId, event.outcome]));
    expect(ids.map((id) => outcomes.get(String(id)))).toEqual([
      'completed',
      'cancelled',
      'cancelled',
      'completed',
      'completed',
      'cancelled',
    ]);
    expect(world.logs.events.filter(isEnd)).toHaveLength(6);
    expect(world.gate.effects).toHaveLength(3);
    await world.settled();
  });

  it.each([
    ['in memory', 10_000_000],
    ['parked', 1_000],
  ])(
    'given a deadline that passes while the editor is away and the command is %s, ends it then',
    async (where, parkAfterMs) => {
      const world = new WorkerWorld();
      world.gate.away.add('gone');
      const { worker } = await started(world, { limits: { parkAfterMs } });
      const deadline = new Date(world.clock.nowMs() + 60_000).toISOString();
      const late = world.publish({
        editor: 'gone',
        sessionId: 's1',
        payload: scriptPayload('Assets/D1.cs'),
        deadline,
      });
      world.publish({ editor: 'gone', sessionId: 's0', payload: scriptPayload('Assets/D0.cs') });
      const { dispatcher } = worker.view ?? {};
      if (where === 'parked')
        await eventually(
          () => dispatcher?.inFlight.commands === 0 && world.parking.batches.length > 0,
          'the parking',
        );
      else await eventually(() => dispatcher?.lanes.at(0)?.depth === 2, 'both');
      world.clock.advance(120_000);
      dispatcher?.tick();
      await eventually(() => world.ends.length === 1, 'the end');
      expect(world.ends[0]).toMatchObject({
        outcome: 'expired',
        error: { code: 'deadline_exceeded' },
        position: { seq: late },
      });
      world.gate.away.delete('gone');
      await eventually(() => world.ends.length === 2, 'the other');
      expect(world.gate.effects.map(({ path }) => path)).toEqual(['Assets/D0.cs']);
      await eventually(() => world.parking.batches.length === 0, 'the parking to be released');
    },
  );
});

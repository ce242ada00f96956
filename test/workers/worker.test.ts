import { afterEach, describe, expect, it, vi } from 'vitest';
import { FAULT_POINTS } from '../../src/workers/execute/executeContext.js';
import { eventually } from '../support/autoClock.js';
import { scriptPayload } from '../support/commandFixtures.js';
import { BEHAVIOUR, contentOfText } from '../support/memoryGate.js';
import { KilledError } from '../support/memoryStreams.js';
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
const refusal = { code: 'malformed_json', message: 'no', errors: [] } as const;

describe('a worker', () => {
  it('given a command, records the intent, changes the file, records the end, then acknowledges', async () => {
    const world = new WorkerWorld();
    await started(world);
    world.publish();
    await world.settled();
    expect(world.gate.text('default', 'Assets/Player.cs')).toBe('class Player {}');
    expect(world.logs.events.map(({ kind }) => kind)).toEqual(['started', 'completed']);
  });

  it('given one key twenty times, makes one effect and one end', async () => {
    const world = new WorkerWorld();
    for (let n = 0; n < 10; n++) world.publish({ key: 'k' });
    await started(world);
    for (let n = 0; n < 10; n++) world.publish({ key: 'k' });
    await world.settled();
    expect([world.gate.effects.length, world.ends.length]).toEqual([1, 1]);
  });

  it('given a key with another payload, rejects it, keeps it as a dead letter and leaves the first alone', async () => {
    const world = new WorkerWorld();
    await started(world);
    world.publish({ key: 'k' });
    const second = world.publish({ key: 'k', payload: scriptPayload('Assets/Other.cs') });
    await world.settled();
    expect(world.ends.map((end) => [end.outcome, end.position.seq])).toEqual(
      expect.arrayContaining([
        ['completed', 1],
        ['rejected', second],
      ]),
    );
    expect(world.letters.letters).toMatchObject([
      { reason: 'idempotency_mismatch', position: { seq: second } },
    ]);
    expect(world.gate.effects).toHaveLength(1);
  });

  it('given a publish that is no command, tells its session, keeps it as a dead letter and goes on', async () => {
    const world = new WorkerWorld();
    await started(world);
    const told = world.publishBad('session-1', refusal);
    const untold = world.publishBad(null, refusal);
    world.publish();
    await world.settled();
    expect(world.letters.letters.map(({ position }) => position.seq)).toEqual(
      expect.arrayContaining([told, untold]),
    );
    expect(world.ends.map(({ outcome }) => outcome).sort()).toEqual(['completed', 'rejected']);
  });

  it('works on one command at a time per editor, in order per session, editors side by side', async () => {
    const world = new WorkerWorld();
    const editors = ['left', 'right', 'middle'];
    for (let n = 0; n < 30; n++)
      world.publish({
        editor: editors[n % 3] ?? '',
        sessionId: `s${n % 2}`,
        payload: scriptPayload(`Assets/S${n % 2}N${n}.cs`),
      });
    const open = new Map<string, number>();
    let together = 0;
    world.gate.onCall = async (_call, editor) => {
      open.set(editor, (open.get(editor) ?? 0) + 1);
      expect(open.get(editor)).toBe(1);
      together = Math.max(
        together,
        [...open.values()].reduce((sum, n) => sum + n, 0),
      );
      await world.clock.sleep(5);
      open.set(editor, 0);
    };
    await started(world);
    await world.settled();
    expect(together).toBe(3);
    for (const editor of editors)
      for (const session of ['S0', 'S1']) {
        const numbers = world.gate.effects
          .filter((effect) => effect.editor === editor && effect.path.includes(session))
          .map(({ path }) => Number(/N(\d+)/.exec(path)?.[1]));
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
        expect(numbers).toHaveLength(5);
      }
  });

  it('given forty editors at work at once, does not take its own listeners for a leak', async () => {
    const warned: Error[] = [];
    const hear = (warning: Error): void => void warned.push(warning);
    process.on('warning', hear);
    try {
      const world = new WorkerWorld();
      for (let n = 0; n < 40; n++)
        world.publish({ editor: `e${n}`, payload: scriptPayload(`Assets/N${n}.cs`) });
      let inCall = 0;
      let most = 0;
      world.gate.onCall = async () => {
        most = Math.max(most, ++inCall);
        await world.clock.sleep(5);
        inCall--;
      };
      await started(world);
      await world.settled();
      expect(most).toBeGreaterThan(10);
      await new Promise((resolve) => setImmediate(resolve));
      expect(warned).toEqual([]);
    } finally {
      process.off('warning', hear);
    }
  });

  it('given a command whose deadline has passed, ends it without a beginning', async () => {
    const world = new WorkerWorld();
    await started(world);
    world.publish({ deadline: '2020-01-01T00:00:00.000Z', key: 'k' });
    await world.settled();
    expect(world.logs.events).toMatchObject([
      { kind: 'failed', outcome: 'expired', error: { code: 'deadline_exceeded' } },
    ]);
    expect(world.gate.calls).toEqual([]);
  });

  it('given attempts that are spent, ends with a dead letter and its count of calls', async () => {
    const world = new WorkerWorld();
    world.gate.script.push(...Array(9).fill(BEHAVIOUR.notExecuted));
    await started(world);
    world.publish();
    await world.settled();
    expect(world.gate.calls).toHaveLength(RIG_LIMITS.retry.maxAttempts);
    expect(world.ends).toMatchObject([
      { outcome: 'failed', attempts: 3, error: { code: 'attempts_exhausted' } },
    ]);
    expect(world.letters.letters).toMatchObject([{ reason: 'attempts_exhausted', attempts: 3 }]);
  });

  it('stops with nothing under way, and may start again', async () => {
    const world = new WorkerWorld();
    const { worker } = await started(world);
    await worker.start();
    await worker.stop();
    await worker.stop();
    expect([worker.view, world.inbox.openPulls]).toEqual([undefined, 0]);
    world.publish();
    await worker.start();
    await world.settled();
    expect(world.gate.effects).toHaveLength(1);
  });
});

describe('an end that is not stored yet', () => {
  it('is not acknowledged, however often the command is delivered again', async () => {
    const world = new WorkerWorld();
    await started(world);
    world.gate.onCall = () => world.logs.hold();
    const seq = world.publish();
    await eventually(() => world.gate.effects.length === 1, 'the effect');
    for (let again = 2; again <= 6; again++) {
      world.inbox.deliverAgain();
      await eventually(() => world.inbox.deliveries === again, 'redelivery');
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(world.inbox.unacked).toEqual([seq]);
    world.logs.release();
    await world.settled();
    expect([world.gate.effects.length, world.ends.length]).toEqual([1, 1]);
  });

  it('of a refused publish is not acknowledged before its dead letter is kept', async () => {
    const world = new WorkerWorld();
    const { worker } = await started(world);
    let keep: (() => void) | undefined;
    const append = world.letters.append.bind(world.letters);
    world.letters.append = async (letter) => {
      await new Promise<void>((resolve) => {
        keep = resolve;
      });
      return append(letter);
    };
    const seq = world.publishBad('session-1', refusal);
    await eventually(() => keep !== undefined, 'the dead letter under way');
    await worker.reconnected();
    await eventually(() => world.inbox.resets >= 4, 'redelivery');
    for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
    expect(world.inbox.unacked).toEqual([seq]);
    keep?.();
    await world.settled();
    expect([world.letters.letters.length, world.ends.length]).toEqual([1, 1]);
  });
});

describe('ownership', () => {
  it.each(FAULT_POINTS)(
    'lost at %s: the next owner brings every command to one end, with one effect',
    async (point) => {
      const world = new WorkerWorld();
      world.gate.detour = ['half way'];
      world.gate.put('default', 'Assets/Player.cs', contentOfText('old'));
      for (let hit = 1; hit <= 2; hit++) {
        let left = hit;
        const first = await aWorker(world, {
          faultPoint: (name) => {
            if (name === point && --left === 0) throw new KilledError(`killed at ${name}`);
          },
        });
        const code = `v${hit}`;
        world.publish({ key: `k${hit}`, payload: scriptPayload('Assets/Player.cs', code, true) });
        await eventually(() => first.lost.length > 0 || world.inbox.unacked.length === 0, 'the kill');
        await first.worker.stop();
        const second = await started(world);
        await world.settled();
        await second.worker.stop();
        expect(world.gate.text('default', 'Assets/Player.cs')).toBe(code);
        expect(world.gate.effects.filter(({ after }) => after === code)).toHaveLength(1);
        expect(world.ends.filter(({ kind }) => kind === 'completed')).toHaveLength(hit);
      }
      expect(world.ends).toHaveLength(2);
    },
  );

  it('taken by a second worker: the first is refused at the gate or in the log, drops everything, and nothing happens twice', async () => {
    const world = new WorkerWorld();
    const first = await started(world);
    let resume: (() => void) | undefined;
    world.gate.onCall = (call) =>
      call.token.epoch <= 2
        ? new Promise<void>((resolve) => {
            resume = resolve;
          })
        : undefined;
    for (let n = 0; n < 5; n++) world.publish({ payload: scriptPayload(`Assets/N${n}.cs`) });
    await eventually(() => resume !== undefined, 'a call of the first worker');
    await started(world);
    await world.settled();
    resume?.();
    await eventually(() => first.lost.length === 1, 'the first worker to notice');
    expect(first.worker.view).toBeUndefined();
    expect(world.gate.effects.map(({ path }) => path)).toEqual([0, 1, 2, 3, 4].map((n) => `Assets/N${n}.cs`));
    expect(world.ends).toHaveLength(5);
  });

  it('lost between the end of an exhausted command and its dead letter: the next owner keeps the letter, once', async () => {
    const world = new WorkerWorld();
    world.gate.script.push(...Array(3).fill(BEHAVIOUR.notExecuted));
    const first = await started(world, {
      faultPoint: (name) => {
        if (name === 'after_finish') throw new KilledError(`killed at ${name}`);
      },
    });
    const seq = world.publish();
    await eventually(() => first.lost.length > 0, 'the kill');
    expect([world.ends.length, world.letters.letters.length, world.inbox.unacked]).toEqual([1, 0, [seq]]);
    const second = await started(world);
    await world.settled();
    await second.worker.reconnected();
    expect(world.letters.letters).toMatchObject([
      { reason: 'attempts_exhausted', attempts: 3, position: { seq } },
    ]);
    expect([world.ends.length, world.gate.effects.length]).toEqual([1, 0]);
  });

  it('given a start that fails half way, is not held: the next start takes it', async () => {
    const world = new WorkerWorld();
    world.parking.failing = true;
    const { worker } = await started(world, { start: false });
    await expect(worker.start()).rejects.toThrow();
    expect(worker.view).toBeUndefined();
    world.parking.failing = false;
    await worker.start();
    world.publish();
    await world.settled();
    expect(world.gate.effects).toHaveLength(1);
  });
});

describe('pulling', () => {
  it('given reconnects in quick succession, goes on once per partition, and ends with the worker', async () => {
    const world = new WorkerWorld();
    const { worker } = await started(world);
    await Promise.all([worker.reconnected(), worker.reconnected(), worker.reconnected()]);
    world.publish();
    await world.settled();
    await eventually(() => world.inbox.openPulls >= RIG_LIMITS.partitions, 'pulls');
    expect(world.inbox.openPulls).toBe(RIG_LIMITS.partitions);
    await worker.stop();
    await eventually(() => world.inbox.openPulls === 0, 'the end of all pulls', 200);
  });

  it('given a reset that fails, says so and tries again', async () => {
    const world = new WorkerWorld();
    world.inbox.failResets = 3;
    world.publish();
    const { warnings } = await started(world);
    await world.settled();
    expect(warnings).toHaveLength(3);
  });

  it('given more than the watermark, stops pulling and goes on at half of it, without flapping', async () => {
    const world = new WorkerWorld();
    for (let n = 0; n < 100; n++) world.publish({ payload: scriptPayload(`Assets/N${n}.cs`) });
    let most = 0;
    const { worker, pauses } = await started(world, { limits: { maxInflight: 20, batchSize: 4 } });
    world.gate.onCall = () => {
      most = Math.max(most, worker.view?.dispatcher.inFlight.commands ?? 0);
    };
    await world.settled();
    expect(most).toBeLessThanOrEqual(15 + 4);
    expect(pauses.length).toBeGreaterThan(2);
    expect(pauses.every((paused, at) => paused === (at % 2 === 0))).toBe(true);
    expect(world.gate.effects).toHaveLength(100);
  });

  it('given an editor that is slow under load, holds fewer in flight, and again as many as allowed once it is fast', async () => {
    // The pace is looked at by a timer of the process; here the virtual time of the calls drives it.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const world = new WorkerWorld();
      const limits: number[] = [];
      let callMs = 500;
      const publish = (count: number, what: string): void => {
        for (let n = 0; n < count; n++)
          world.publish({ sessionId: `${what}${n}`, payload: scriptPayload(`Assets/${what}${n}.cs`) });
      };
      const { worker } = await started(world, { limits: { maxInflight: 64, batchSize: 4 } });
      world.gate.onCall = async () => {
        await world.clock.sleep(callMs);
        await vi.advanceTimersByTimeAsync(callMs);
        limits.push(worker.inFlightLimit);
      };
      expect(worker.inFlightLimit).toBe(64);
      publish(150, 'Slow');
      await world.settled();
      // 2 s of work at 500 ms a call are 4 commands; what two lanes may always have are 16.
      expect(Math.min(...limits)).toBe(16);
      callMs = 1;
      limits.length = 0;
      publish(1_500, 'Fast');
      await world.settled();
      expect(limits[0]).toBeLessThan(64);
      expect(limits.at(-1)).toBe(64);
    } finally {
      vi.useRealTimers();
    }
  });

  it('given the brake on and off ten thousand times, goes on as on the first', async () => {
    const world = new WorkerWorld();
    for (let n = 0; n < 20_000; n++) world.publishBad(null, refusal);
    world.letters.append = () => new Promise((resolve) => setImmediate(resolve));
    const { pauses, lost } = await started(world, { limits: { maxInflight: 2, batchSize: 2 } });
    await eventually(() => pauses.length >= 20_000 || lost.length > 0, 'the last pause', 100_000);
    expect(lost).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { Lane, type LaneDependencies } from '../../src/workers/lanes/lane.js';
import { ParkedLane } from '../../src/workers/lanes/parkedLane.js';
import type { Task, Verdict } from '../../src/workers/lanes/task.js';
import { AutoClock, eventually } from '../support/autoClock.js';
import { aCommand, aTask } from '../support/commandFixtures.js';
import { MemoryParking } from '../support/memoryStreams.js';

const completed: Verdict = { kind: 'completed', result: {} };
const hold: Verdict = { kind: 'hold', reason: 'reloading', retryAfterMs: 100 };

function setup(execute: (task: Task) => Verdict | Promise<Verdict>, over: Partial<LaneDependencies> = {}) {
  const clock = new AutoClock();
  const parking = new MemoryParking();
  const finished: number[] = [];
  const fatal: unknown[] = [];
  const moved: number[] = [];
  const away = { now: false };
  const abort = new AbortController();
  const parked = new ParkedLane(
    'left',
    parking,
    async () => undefined,
    (error) => fatal.push(error),
  );
  const lane = new Lane(
    'left',
    {
      clock,
      parked,
      limits: { parkAfterMs: 1_000, maxHoldPollMs: 200, maxBesideLane: 2 },
      paused: () => false,
      execute: async (task) => execute(task),
      finish: (task) => finished.push(task.command.position.seq),
      readiness: async () =>
        away.now ? { state: 'away', reason: 'reloading', retryAfterMs: 50 } : { state: 'ready' },
      admitParked: (to, { parkedSeq, commands }) => {
        for (const command of commands)
          to.enqueue({ ...aTask(command), origin: { kind: 'parked', parkedSeq } });
      },
      moved: (task) => moved.push(task.command.position.seq),
      fatal: (error) => fatal.push(error),
      holding: () => undefined,
      ...over,
    },
    abort.signal,
  );
  return { lane, clock, parking, parked, finished, fatal, moved, away, abort };
}
const item = { delivery: {} as never, index: 0, settle: () => undefined };
const task = (seq: number, sessionId = 's1'): Task => ({
  ...aTask(aCommand({ seq, sessionId, editor: 'left' })),
  origin: { kind: 'stream', item },
});

describe('a lane', () => {
  it('given a command at whatever moment another ends, runs both', async () => {
    // The loop is leaving while the second comes in: each of these microtasks has been the fatal one.
    for (let gap = 0; gap < 30; gap++) {
      const { lane, finished } = setup(() => completed);
      lane.accept(task(1));
      await eventually(() => finished.length === 1, 'the first');
      lane.accept(task(2));
      for (let n = 0; n < gap; n++) await Promise.resolve();
      lane.accept(task(3));
      await eventually(() => finished.length === 3, `all three, gap ${gap}`, 50);
    }
  });

  it('given a retry, lets other sessions pass and keeps its own in order', async () => {
    let failures = 2;
    const { lane, finished, clock } = setup((one) =>
      one.command.position.seq === 1 && failures-- > 0
        ? { kind: 'retry', reason: 'x', afterMs: 500 }
        : completed,
    );
    const began = clock.monotonicMs();
    lane.accept(task(1));
    lane.accept(task(2));
    lane.accept(task(3, 's2'));
    await eventually(() => finished.length === 3, 'all');
    expect(finished).toEqual([3, 1, 2]);
    expect(clock.monotonicMs() - began).toBe(1_000);
  });

  it('given an editor that is away for a moment, holds, keeps its order and parks nothing', async () => {
    let holds = 2;
    const { lane, finished, parking } = setup(() => (holds-- > 0 ? hold : completed));
    for (const seq of [1, 2, 3]) lane.accept(task(seq));
    await eventually(() => finished.length === 3, 'all');
    expect([finished, parking.batches]).toEqual([[1, 2, 3], []]);
  });

  it('given an editor that stays away, parks what waits and what comes; when it is back, goes on in order', async () => {
    const { lane, finished, parking, moved, away } = setup(() => (away.now ? hold : completed));
    away.now = true;
    for (const seq of [1, 2, 3]) lane.accept(task(seq, `s${seq % 2}`));
    await eventually(() => moved.length === 3, 'the parking of three');
    for (const seq of [4, 5, 6]) lane.accept(task(seq, `s${seq % 2}`));
    await eventually(() => moved.length === 6, 'the parking of six');
    expect([lane.depth, lane.idle, parking.batches.length > 0]).toEqual([0, false, true]);
    away.now = false;
    await eventually(() => finished.length === 6, 'all');
    expect(finished.filter((seq) => seq % 2)).toEqual([1, 3, 5]);
    expect(finished.filter((seq) => !(seq % 2))).toEqual([2, 4, 6]);
  });

  it('given a newer command at the moment at which an older one comes out of the parking, keeps them in order', async () => {
    const { lane, finished, parked, parking } = setup(() => completed);
    // Parked by an earlier life, and its lane is opened: the newer one is delivered at each of the microtasks that follow.
    for (let gap = 0; gap < 30; gap++) {
      finished.length = 0;
      const older = task(2 * gap + 1);
      parked.found({ parkedSeq: await parking.park('left', [older.command]), commands: [older.command] });
      lane.kick();
      for (let n = 0; n < gap; n++) await Promise.resolve();
      lane.accept(task(2 * gap + 2));
      await eventually(() => finished.length === 2, `both, gap ${gap}`);
      expect(finished).toEqual([2 * gap + 1, 2 * gap + 2]);
      parked.ended(parking.parks, older.command.position);
    }
  });

  it('given a parking that fails, ends the ownership rather than lose the command', async () => {
    const { lane, fatal, parking, away } = setup(() => hold);
    away.now = true;
    parking.failing = true;
    lane.accept(task(1));
    await eventually(() => fatal.length > 0, 'the end');
  });

  it('given an execution that throws, ends the ownership; after an abort, says nothing', async () => {
    const thrown = setup(() => Promise.reject(new Error('stale')));
    thrown.lane.accept(task(1));
    await thrown.lane.settled();
    expect(thrown.fatal).toEqual([expect.objectContaining({ message: 'stale' })]);
    const aborted = setup(() => {
      aborted.abort.abort();
      return Promise.reject(new Error('aborted'));
    });
    aborted.lane.accept(task(1));
    await aborted.lane.settled();
    expect(aborted.fatal).toEqual([]);
  });

  it('told to drop what waits, ends what runs and begins nothing more', async () => {
    let end: (() => void) | undefined;
    const { lane, finished } = setup(
      () =>
        new Promise((resolve) => {
          end = () => resolve(completed);
        }),
    );
    for (const seq of [1, 2]) lane.accept(task(seq));
    await eventually(() => end !== undefined, 'the first under way');
    lane.dropWaiting();
    end?.();
    await lane.settled();
    expect([finished, lane.depth]).toEqual([[1], 0]);
  });

  it('wakes from a long backoff for new work', async () => {
    let once = true;
    const { lane, finished } = setup((one) => {
      if (one.command.position.seq !== 1 || !once) return completed;
      once = false;
      return { kind: 'retry', reason: 'x', afterMs: 60_000 };
    });
    lane.accept(task(1));
    lane.accept(task(2, 's2'));
    await eventually(() => finished.length === 2, 'both');
    expect(finished).toEqual([2, 1]);
  });
});

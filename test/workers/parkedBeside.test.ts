import { describe, expect, it } from 'vitest';
import { Hysteresis } from '../../src/core/hysteresis.js';
import { Lane, type LaneDependencies } from '../../src/workers/lanes/lane.js';
import { ParkedLane } from '../../src/workers/lanes/parkedLane.js';
import { relieve } from '../../src/workers/lanes/relief.js';
import { newTask, type Task } from '../../src/workers/lanes/task.js';
import { AutoClock, eventually } from '../support/autoClock.js';
import { aCommand } from '../support/commandFixtures.js';
import { MemoryParking } from '../support/memoryStreams.js';

const item = { delivery: {} as never, index: 0, settle: () => undefined };
const taskOf = (seq: number, sessionId: string, type = 'unity.generate_script'): Task =>
  newTask({ ...aCommand({ seq, sessionId, editor: 'left' }), type }, { kind: 'stream', item }, undefined);

/** A lane whose editor is away until told otherwise: what needs it is held. */
function setup() {
  const clock = new AutoClock();
  const finished: number[] = [];
  const fatal: unknown[] = [];
  const editor = { away: true, polls: 0 };
  const parking = new MemoryParking();
  const parked = new ParkedLane(
    'left',
    parking,
    async () => undefined,
    (error) => fatal.push(error),
  );
  const deps: LaneDependencies = {
    clock,
    parked,
    limits: { parkAfterMs: 1_000, maxHoldPollMs: 200, maxBesideLane: 2 },
    paused: () => false,
    execute: async ({ command }) =>
      editor.away && command.type === 'unity.generate_script'
        ? { kind: 'hold', reason: 'reloading', retryAfterMs: 100 }
        : { kind: 'completed', result: {} },
    finish: ({ command, origin }) => {
      finished.push(command.position.seq);
      if (origin.kind === 'parked') parked.ended(origin.parkedSeq, command.position, command.sessionId);
    },
    readiness: async () => {
      editor.polls++;
      return editor.away ? { state: 'away', reason: 'reloading', retryAfterMs: 50 } : { state: 'ready' };
    },
    admitParked: (to, { parkedSeq, commands }) => {
      for (const command of commands)
        if (finished.includes(command.position.seq))
          parked.ended(parkedSeq, command.position, command.sessionId);
        else to.enqueue(newTask(command, { kind: 'parked', parkedSeq }, undefined));
    },
    moved: () => undefined,
    fatal: (error) => fatal.push(error),
    holding: () => undefined,
  };
  const lane = new Lane('left', deps, new AbortController().signal);
  const polled = async (times: number) => {
    const from = editor.polls;
    await eventually(() => editor.polls >= from + times, 'the polls');
  };
  return { lane, parked, parking, finished, fatal, editor, polled };
}
type Rig = ReturnType<typeof setup>;
const storeAll = (rig: Rig, tasks: readonly Task[]) =>
  Promise.all(tasks.map((task) => rig.parked.store(task)));

describe('an editor that is away', () => {
  it('does not hold up parked commands that do not need it; what does stays parked, unread, and in order', async () => {
    const rig = setup();
    const { lane, finished, editor, parking, polled } = rig;
    lane.accept(taskOf(1, 'held'));
    await polled(10);
    const reads: number[] = [];
    const read = parking.read.bind(parking);
    parking.read = (of, after, max) => {
      reads.push(after + 1);
      return read(of, after, max);
    };
    await storeAll(rig, [taskOf(2, 'needs'), taskOf(3, 'needs', 'cv.ocr')]);
    await storeAll(rig, [taskOf(4, 'only', 'cv.ocr'), taskOf(5, 'only', 'cv.ocr')]);
    await storeAll(rig, [taskOf(6, 'mixed', 'cv.ocr'), taskOf(7, 'mixed'), taskOf(8, 'mixed', 'cv.ocr')]);
    await eventually(() => finished.length === 3, 'what does not need the editor');
    await polled(5);
    expect([finished.toSorted(), lane.depth]).toEqual([[4, 5, 6], 0]);
    const readSoFar = reads.length;
    await polled(10);
    expect(reads.length).toBe(readSoFar);
    editor.away = false;
    await eventually(() => finished.length === 8, 'all');
    expect(finished.filter((seq) => [2, 3].includes(seq))).toEqual([2, 3]);
    expect(finished.filter((seq) => [6, 7, 8].includes(seq))).toEqual([6, 7, 8]);
    expect(rig.fatal).toEqual([]);
    await eventually(() => parking.batches.length === 0, 'the parking to be released');
  });

  it('given more of them than fit one fetch, runs them all', async () => {
    const rig = setup();
    rig.lane.accept(taskOf(1, 'held'));
    await rig.polled(1);
    await storeAll(
      rig,
      Array.from({ length: 900 }, (_, at) => taskOf(at + 2, `s${at % 2}`, 'cv.ocr')),
    );
    await eventually(() => rig.finished.length === 900, 'all beside', 200_000);
    for (const odd of [0, 1]) {
      const ofSession = rig.finished.filter((seq) => seq % 2 === odd);
      expect(ofSession).toEqual(ofSession.toSorted((a, b) => a - b));
    }
    expect(rig.editor.away).toBe(true);
  });

  it('given that what led a session ends in the parking, goes on with what does not need the editor', async () => {
    const rig = setup();
    rig.lane.accept(taskOf(1, 'held'));
    await rig.polled(10);
    await storeAll(rig, [taskOf(2, 's'), taskOf(3, 's', 'cv.ocr')]);
    await rig.polled(5);
    expect(rig.finished).toEqual([]);
    rig.finished.push(2);
    rig.parked.ended(rig.parking.parks, { seq: 2, index: 0 }, 's');
    await eventually(() => rig.finished.includes(3), 'the next of the session');
  });
});

describe('relief', () => {
  it('given a lane that is held, parks what needs the editor only', async () => {
    const asked: (string | undefined)[] = [];
    const laneOf = (held: boolean) => ({
      held,
      depth: 1_000,
      parkWaiting: (what?: string) => asked.push(what),
    });
    const brake = new Hysteresis(90, 45);
    brake.update(100);
    const dispatcher = { lanes: [laneOf(true), laneOf(false)], inFlight: { load: 100 } };
    relieve(dispatcher as never, brake);
    expect(asked).toEqual(['exclusive', 'all']);
  });
});

import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/commands/envelope.js';
import { takeForParking } from '../../src/workers/lanes/laneParking.js';
import { LaneQueue } from '../../src/workers/lanes/laneQueue.js';
import { ParkedLane } from '../../src/workers/lanes/parkedLane.js';
import { newTask, type Task } from '../../src/workers/lanes/task.js';
import type { ParkedBatch } from '../../src/workers/ports.js';
import { aCommand, aDelivery, aTask } from '../support/commandFixtures.js';
import { MemoryParking } from '../support/memoryStreams.js';

const EDITOR = 'left';
const commandOf = (seq: number, sessionId = 's'): Command => aCommand({ seq, sessionId, editor: EDITOR });
const item = { delivery: aDelivery(1, []), index: 0, settle: () => undefined };
const taskOf = (seq: number, sessionId = 's'): Task =>
  newTask(commandOf(seq, sessionId), { kind: 'stream', item }, undefined);
const fetchedTask = (seq: number, sessionId: string, parkedSeq: number): Task => ({
  ...taskOf(seq, sessionId),
  origin: { kind: 'parked', parkedSeq },
});
const seqsOf = ({ commands }: ParkedBatch): number[] => commands.map(({ position }) => position.seq);

interface Lives {
  readonly parking: MemoryParking;
  caughtUp: boolean;
  stillOwner: () => Promise<void>;
}
const lives = (): Lives => ({
  parking: new MemoryParking(),
  caughtUp: true,
  stillOwner: () => Promise.resolve(),
});
const laneOf = (life: Lives) =>
  new ParkedLane(
    EDITOR,
    life.parking,
    () => life.stillOwner(),
    (error) => {
      throw error;
    },
    () => life.caughtUp,
  );
/** The lane of the next owner, who finds what is stored. */
async function nextOf(life: Lives, hasEnded?: (command: Command) => boolean): Promise<ParkedLane> {
  const lane = laneOf(life);
  for (const batch of await life.parking.read(EDITOR, 0, 99)) lane.found(batch, hasEnded);
  return lane;
}
async function fetchAll(lane: ParkedLane): Promise<number[][]> {
  const batches: number[][] = [];
  while ((await lane.fetch((batch) => batches.push(seqsOf(batch)))) > 0);
  return batches;
}
const storeAll = (lane: ParkedLane, ...tasks: Task[]) => Promise.all(tasks.map((task) => lane.store(task)));

describe('the order of what is parked of a session', () => {
  it('given commands between batches that an earlier owner stored, is that of the commands, for this owner and the next', async () => {
    const life = lives();
    const earlier = laneOf(life);
    for (const seq of [1, 5, 9]) await earlier.store(taskOf(seq));
    const lane = await nextOf(life);
    await storeAll(lane, taskOf(2), taskOf(3), taskOf(7), taskOf(10), taskOf(11));
    const inOrder = [[1], [2, 3], [5], [7], [9], [10, 11]];
    expect(await fetchAll(await nextOf(life))).toEqual(inOrder);
    expect(await fetchAll(lane)).toEqual(inOrder);
  });

  it('given one on its way in before what lies there, hands nothing out until it is stored', async () => {
    const life = lives();
    for (const seq of [1, 5]) await laneOf(life).store(taskOf(seq));
    const lane = await nextOf(life);
    let confirm: () => void = () => undefined;
    life.stillOwner = () => new Promise((resolve) => (confirm = resolve));
    const begun = lane.fetch(() => undefined);
    const storing = lane.store(taskOf(2));
    expect([await begun, await fetchAll(lane)]).toEqual([0, []]);
    while (life.parking.batches.length < 3) await new Promise((resolve) => setImmediate(resolve));
    expect(await fetchAll(lane)).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    confirm();
    await storing;
    expect(await fetchAll(lane)).toEqual([[1], [2], [5]]);
  });

  it('given one that comes again after what has ended, and before what has not, lets it go first, also where it has to come here', async () => {
    const life = lives();
    await storeAll(laneOf(life), taskOf(1), taskOf(4, 'other'));
    await laneOf(life).store(taskOf(6));
    life.caughtUp = false;
    const lane = await nextOf(life, ({ position }) => position.seq === 1);
    expect([2, 7].map((seq) => lane.takes(commandOf(seq), false))).toEqual([false, true]);
    expect(lane.takes(commandOf(2), true)).toBe(true);
    await lane.store(taskOf(2));
    life.caughtUp = true;
    expect(await fetchAll(lane)).toEqual([[1, 4], [2], [6]]);
  });

  it('given one that is older than what was found and is parked, what comes behind it does not pass it', async () => {
    const life = lives();
    await laneOf(life).store(taskOf(7));
    life.caughtUp = false;
    const lane = await nextOf(life);
    await lane.store(taskOf(5));
    expect(lane.takes(commandOf(6), false)).toBe(true);
    await lane.store(taskOf(6));
    life.caughtUp = true;
    expect(await fetchAll(lane)).toEqual([[5], [6], [7]]);
  });

  it('given commands of another stream, is that in which they were stored', async () => {
    const life = lives();
    const ofOld = { ...commandOf(8), position: { ...commandOf(8).position, stream: 'old' } };
    const ofNew = { ...commandOf(1), position: { ...commandOf(1).position, stream: 'new' } };
    for (const command of [ofOld, ofNew]) await laneOf(life).store(aTask(command));
    expect(await fetchAll(await nextOf(life))).toEqual([[8], [1]]);
  });

  it('given sessions that contradict each other, is that in which they were stored', async () => {
    const life = lives();
    await storeAll(laneOf(life), taskOf(2, 'a'), taskOf(3, 'b'));
    await storeAll(laneOf(life), taskOf(1, 'a'), taskOf(4, 'b'));
    expect(await fetchAll(await nextOf(life))).toEqual([
      [2, 3],
      [1, 4],
    ]);
  });
});

describe('what is taken out of memory', () => {
  it('given a batch that another session has put back, is all that waits: newer than the batch, older than what is to come', async () => {
    const life = lives();
    const lane = laneOf(life);
    await storeAll(lane, taskOf(1, 'other'), taskOf(2), taskOf(3));
    await fetchAll(lane);
    const queue = new LaneQueue();
    for (const task of [fetchedTask(2, 's', 1), fetchedTask(3, 's', 1), taskOf(4), taskOf(5)])
      queue.push(task);
    lane.putBack([fetchedTask(1, 'other', 1)]);
    const { stored, toStore } = takeForParking(queue, lane, 's', 'all');
    expect([stored, toStore].map((tasks) => tasks.map(({ command }) => command.position.seq))).toEqual([
      [2, 3],
      [4, 5],
    ]);
    await storeAll(lane, ...toStore, taskOf(6));
    expect(await fetchAll(lane)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });

  it('given one that ran while what follows is parked, is not that one before the others lie there', async () => {
    const lane = laneOf(lives());
    const queue = new LaneQueue();
    queue.push(taskOf(1));
    const coming = lane.store(taskOf(2));
    expect(takeForParking(queue, lane, 's', 'all').toStore).toEqual([]);
    await coming;
    const { toStore } = takeForParking(queue, lane, 's', 'all');
    await storeAll(lane, ...toStore);
    expect([queue.size, await fetchAll(lane)]).toEqual([0, [[1], [2]]]);
  });
});

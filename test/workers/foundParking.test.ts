import { expect, it } from 'vitest';
import { CatchUp } from '../../src/workers/lanes/catchUp.js';
import { FoundParking } from '../../src/workers/lanes/foundParking.js';
import { takeForParking } from '../../src/workers/lanes/laneParking.js';
import { LaneQueue } from '../../src/workers/lanes/laneQueue.js';
import type { OpenLane } from '../../src/workers/lanes/openLanes.js';
import { ParkedLane } from '../../src/workers/lanes/parkedLane.js';
import type { Task } from '../../src/workers/lanes/task.js';
import { Claims } from '../../src/workers/ledger/claims.js';
import { startedEvent } from '../../src/workers/ledger/recorder.js';
import { WorkerState } from '../../src/workers/ledger/workerState.js';
import { aCommand, aTask } from '../support/commandFixtures.js';
import { MemoryParking } from '../support/memoryStreams.js';

const EDITOR = 'left';
const commandOf = (seq: number, sessionId: string) => aCommand({ seq, sessionId, editor: EDITOR });
const begun = (command: ReturnType<typeof commandOf>) =>
  startedEvent(
    command,
    { epoch: 1, call: 1 },
    {
      path: 'Assets/A.cs',
      editor: EDITOR,
      before: null,
      after: null,
      waypoints: [],
      operationId: 'o',
    } as never,
    '2026-03-01T10:00:00.000Z',
  );

function setup() {
  const catchUp = new CatchUp();
  const state = new WorkerState({ maxKeys: 100, termMs: 1_000 });
  const claims = new Claims();
  const story: string[] = [];
  const fail = (error: unknown) => {
    throw error;
  };
  const parked = new ParkedLane(EDITOR, new MemoryParking(), async () => undefined, fail);
  const lane = {
    enqueue: ({ command }: Task) => story.push(`runs ${command.position.seq}`),
    kick: () => story.push('goes on'),
  };
  const found = new FoundParking({
    ...{ claims, state, catchUp },
    cancels: { moved: () => undefined, ends: () => false },
    lanes: { of: () => ({ lane, parked }) as unknown as OpenLane },
  });
  return { found, state, claims, story, catchUp };
}

it('of what is found in the parking, memory has what may have changed a file before the lane goes on, whatever comes before it there', () => {
  const { found, state, claims, story, catchUp } = setup();
  const commands = [commandOf(1, 'a'), commandOf(2, 'b'), commandOf(3, 'b')] as const;
  state.apply(begun(commands[1]), 0);
  found.begin(0);
  found.claim(EDITOR, { parkedSeq: 1, commands: [commands[0]] });
  // The server has nothing more to deliver: what is parked waits all the same until all of it is found.
  catchUp.reached(0, Number.POSITIVE_INFINITY);
  expect([catchUp.done(0), catchUp.open]).toEqual([false, []]);
  found.claim(EDITOR, { parkedSeq: 2, commands: commands.slice(1) });
  expect(story).toEqual([]);
  found.open(0, [EDITOR]);
  expect([catchUp.done(0), catchUp.reached(0, 3), catchUp.done(0)]).toEqual([false, true, true]);
  expect(story).toEqual(['runs 2', 'goes on']);
  expect(commands.map(({ commandId }) => claims.find(commandId)?.parked)).toEqual([true, false, true]);
});

it('found, and another owner takes it before it is opened: it is forgotten', () => {
  const { found, state, story } = setup();
  const command = commandOf(1, 'a');
  state.apply(begun(command), 0);
  found.claim(EDITOR, { parkedSeq: 1, commands: [command] });
  found.forget((editor) => editor === EDITOR);
  found.open(0, [EDITOR]);
  expect(story).toEqual(['goes on']);
});

it('moved out of memory is what waits behind a command that may have changed a file, and that one stays', () => {
  const queue = new LaneQueue();
  const first = commandOf(1, 'a');
  for (const task of [aTask(first, begun(first)), aTask(commandOf(2, 'a'))]) queue.push(task);
  const parked = new ParkedLane(
    EDITOR,
    new MemoryParking(),
    async () => undefined,
    () => undefined,
  );
  const { stored, toStore } = takeForParking(queue, parked, 'a', 'exclusive');
  expect([[...stored, ...toStore].map(({ command }) => command.position.seq), queue.size]).toEqual([[2], 1]);
});

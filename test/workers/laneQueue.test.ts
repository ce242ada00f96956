import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LaneQueue, TURNS_PER_PRIORITY } from '../../src/workers/lanes/laneQueue.js';
import { newTask, type Task } from '../../src/workers/lanes/task.js';
import { aCommand } from '../support/commandFixtures.js';

interface Wish {
  readonly sessionId: string;
  readonly priority?: number;
  readonly type?: string;
}
function taskOf(seq: number, { sessionId, priority = 5, type = 'unity.generate_script' }: Wish): Task {
  return newTask(
    { ...aCommand({ seq, sessionId }), priority, type },
    { kind: 'parked', parkedSeq: 0 },
    undefined,
  );
}
const tasksOf = (sessions: readonly string[]) =>
  sessions.map((sessionId, at) => taskOf(at + 1, { sessionId }));
/** Takes one and ends it at once. */
function served(queue: LaneQueue, nowMs = 0): Task | undefined {
  const task = queue.take(nowMs, 'exclusive');
  if (task) queue.free(task.command.sessionId);
  return task;
}

const session = fc.constantFrom('s1', 's2', 's3', 's4');

describe('the queue of a lane', () => {
  it('keeps order within a session, and takes sessions of equal priority in turn', () => {
    fc.assert(
      fc.property(fc.array(session, { maxLength: 40 }), (sessions) => {
        const queue = new LaneQueue();
        const tasks = tasksOf(sessions);
        for (const task of tasks) queue.push(task);
        const taken = tasks.map(() => served(queue));
        const count = new Set(sessions).size;
        for (const [at, task] of tasks.entries()) {
          const ahead = tasks
            .slice(0, at)
            .filter((other) => other.command.sessionId === task.command.sessionId);
          const turn = taken.indexOf(task);
          for (const other of ahead) expect(taken.indexOf(other)).toBeLessThan(turn);
          expect(turn).toBeLessThan((ahead.length + 1) * count);
        }
        expect([queue.size, served(queue), queue.nextReadyMs('exclusive')]).toEqual([
          0,
          undefined,
          undefined,
        ]);
      }),
    );
  });

  it('whatever comes and whatever its priority, serves a head after at most its bound of others', () => {
    const wish = fc.record({
      sessionId: fc.constantFrom(...Array.from({ length: 12 }, (_, n) => `s${n}`)),
      priority: fc.integer({ min: 0, max: 9 }),
    });
    // Two arrivals for each turn: the queue only grows, which is the worst there is.
    fc.assert(
      fc.property(fc.array(fc.tuple(wish, wish), { minLength: 1, maxLength: 250 }), (arrivals) => {
        const queue = new LaneQueue();
        const model = new Map<string, { seq: number; priority: number }[]>();
        const waits = new Map<string, { others: number; sessions: number }>();
        let seq = 0;
        const serve = () => {
          const task = served(queue);
          if (!task) return;
          const { sessionId } = task.command;
          const head = model.get(sessionId)?.shift();
          expect(head?.seq).toBe(task.command.position.seq);
          const waited = waits.get(sessionId) ?? { others: 0, sessions: 1 };
          const bound = TURNS_PER_PRIORITY * (9 - (head?.priority ?? 0)) + waited.sessions - 1;
          expect(waited.others).toBeLessThanOrEqual(bound);
          waits.delete(sessionId);
          for (const wait of waits.values()) wait.others++;
          if (model.get(sessionId)?.length) waits.set(sessionId, { others: 0, sessions: 1 });
          else model.delete(sessionId);
          for (const wait of waits.values()) wait.sessions = Math.max(wait.sessions, waits.size);
        };
        for (const pair of arrivals) {
          for (const { sessionId, priority } of pair) {
            queue.push(taskOf(++seq, { sessionId, priority }));
            model.set(sessionId, [...(model.get(sessionId) ?? []), { seq, priority }]);
            if (!waits.has(sessionId)) waits.set(sessionId, { others: 0, sessions: 1 });
          }
          for (const wait of waits.values()) wait.sessions = Math.max(wait.sessions, waits.size);
          serve();
        }
        while (queue.size > 0) serve();
        expect(model.size).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('given a flood of the highest priority, serves the lowest after its bound, and the highest overtakes', () => {
    const queue = new LaneQueue();
    for (let n = 0; n < 500; n++) queue.push(taskOf(n + 1, { sessionId: 'flood', priority: 9 }));
    queue.push(taskOf(501, { sessionId: 'meek', priority: 0 }));
    queue.push(taskOf(502, { sessionId: 'usual' }));
    const order = Array.from({ length: 502 }, () => String(served(queue)?.command.sessionId));
    expect(order.slice(0, 60).every((name) => name === 'flood')).toBe(true);
    expect(order.indexOf('usual')).toBeLessThanOrEqual(4 * TURNS_PER_PRIORITY + 2);
    expect(order.indexOf('meek')).toBeLessThanOrEqual(9 * TURNS_PER_PRIORITY + 2);
  });

  it('whatever is pushed, taken and put back, loses nothing and keeps each session’s order', () => {
    const step = fc.oneof(
      fc.record({ push: session }),
      fc.record({ take: fc.nat(30), putBack: fc.boolean() }),
      fc.record({ remove: fc.nat(60) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new LaneQueue();
        const model = new Map<string, number[]>();
        let seq = 0;
        let nowMs = 0;
        for (const move of steps) {
          if ('push' in move) {
            queue.push(taskOf(++seq, { sessionId: move.push }));
            model.set(move.push, [...(model.get(move.push) ?? []), seq]);
          } else if ('remove' in move) {
            const gone = queue.remove(({ command }) => command.position.seq === move.remove);
            const there = [...model.values()].flat().includes(move.remove);
            expect(gone.map(({ command }) => command.position.seq)).toEqual(there ? [move.remove] : []);
            for (const [name, waiting] of model)
              model.set(
                name,
                waiting.filter((one) => one !== move.remove),
              );
          } else {
            const task = queue.take(nowMs++, 'exclusive');
            if (!task) continue;
            expect(task.notBeforeMs).toBeLessThan(nowMs);
            const { sessionId, position } = task.command;
            expect(model.get(sessionId)?.[0]).toBe(position.seq);
            if (move.putBack) {
              task.notBeforeMs = nowMs + move.take;
              queue.putBack(task);
            } else {
              model.get(sessionId)?.shift();
              queue.free(sessionId);
            }
          }
          expect(queue.size).toBe([...model.values()].flat().length);
        }
        const all = queue.tasks().map(({ command }) => command.position.seq);
        expect(queue.removeAll().map(({ command }) => command.position.seq)).toEqual(
          all.sort((a, b) => a - b),
        );
        expect(queue.size).toBe(0);
      }),
    );
  });

  it('given a session that waits for its backoff, lets the others pass and says when it may go on', () => {
    const queue = new LaneQueue();
    const [waiting, behind, other] = tasksOf(['s1', 's1', 's2']);
    if (!waiting || !behind || !other) throw new Error('three tasks');
    waiting.notBeforeMs = 100;
    for (const task of [waiting, behind, other]) queue.push(task);
    expect(served(queue, 99)).toBe(other);
    expect(served(queue, 99)).toBeUndefined();
    expect(queue.nextReadyMs('exclusive')).toBe(100);
    expect([served(queue, 100), served(queue, 100)]).toEqual([waiting, behind]);
  });

  it('given a session one of whose commands runs, lets it wait for that end, on the lane and beside it', () => {
    const queue = new LaneQueue();
    const [reading, writing, other] = [
      taskOf(1, { sessionId: 's1', type: 'cv.ocr' }),
      taskOf(2, { sessionId: 's1' }),
      taskOf(3, { sessionId: 's2' }),
    ];
    for (const task of [reading, writing, other]) queue.push(task);
    expect(queue.take(0, 'beside')).toBe(reading);
    expect([served(queue), served(queue), queue.nextReadyMs('exclusive')]).toEqual([
      other,
      undefined,
      undefined,
    ]);
    queue.free(reading.command.sessionId);
    expect(served(queue)).toBe(writing);
  });
});

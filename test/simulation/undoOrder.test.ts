import { describe, expect, it } from 'vitest';
import { History } from '../../simulation/checker/history.js';
import { undoesTheNewest } from '../../simulation/checker/undoOrder.js';
import { type OperationMove, type SparkEvent, seqOf } from '../../src/events/event.js';
import { completedEvent, failedEvent, startedEvent } from '../../src/workers/ledger/recorder.js';
import { aCommand, aTask } from '../support/commandFixtures.js';

const TIME = '2026-03-01T10:00:00.000Z';
const TOKEN = { epoch: 1, call: 1 };

const move = (direction: OperationMove['direction'], operationId: string): OperationMove => ({
  direction,
  operation: {
    operationId,
    editor: 'default',
    path: 'Assets/A.cs',
    tool: 'create',
    before: null,
    after: null,
  },
});

type Command = ReturnType<typeof aCommand>;
const done = (command: Command, change: OperationMove): SparkEvent =>
  completedEvent(aTask(command), { kind: 'completed', result: {}, change }, 1, TIME);

/** Two operations of a session stand, then an undo begins and ends like this. */
function told(undo: Command, end: SparkEvent): string[] {
  const history = new History();
  const events = [
    done(aCommand({ seq: 1, key: 'one' }), move('apply', 'older')),
    done(aCommand({ seq: 2, key: 'two' }), move('apply', 'newer')),
    startedEvent(undo, TOKEN, null, TIME),
    end,
  ];
  for (const [at, event] of events.entries())
    history.appended({
      seq: at + 1,
      partition: 0,
      events: [{ event, seq: seqOf(at + 1, 0), tsMs: at, partition: 0 }],
    });
  return undoesTheNewest(history);
}

const conflict = (command: Command, operationId: string): SparkEvent =>
  failedEvent(
    aTask(command),
    { kind: 'failed', outcome: 'conflict', error: { code: 'conflict', message: 'changed' }, operationId },
    1,
    TIME,
  );

describe('I8, the order of undo', () => {
  const bare = aCommand({ seq: 3, key: 'three', type: 'session.undo', payload: {} });
  const operationId = '0b8a1f0e-7c57-4a8e-9a65-0d6f0a3f7c11';
  const named = aCommand({ seq: 3, key: 'three', type: 'session.undo', payload: { operationId } });

  it('given the newest is taken back, or could not be, says nothing', () => {
    expect(told(bare, done(bare, move('undo', 'newer')))).toEqual([]);
    expect(told(bare, conflict(bare, 'newer'))).toEqual([]);
  });

  it('given an older one was taken back, tells', () => {
    expect(told(bare, done(bare, move('undo', 'older')))).toEqual([
      expect.stringMatching(/^I8: .*older.*newer/),
    ]);
  });

  it('given an older one was tried and met a conflict, tells', () => {
    expect(told(bare, conflict(bare, 'older'))).toEqual([expect.stringMatching(/^I8: .*older.*newer/)]);
  });

  it('given the older one was named, says nothing', () => {
    expect(told(named, done(named, move('undo', 'older')))).toEqual([]);
  });
});

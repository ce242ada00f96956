import { describe, expect, it } from 'vitest';
import { uuidFrom } from '../../src/core/ids.js';
import { completedEvent } from '../../src/workers/ledger/recorder.js';
import { OPERATIONS_KEPT, type Operation, SessionHistory } from '../../src/workers/undo/sessionHistory.js';
import { aCommand } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';

const document = {
  operations: [
    {
      operationId: uuidFrom('there', 1),
      ts: '2029-01-01T00:00:01.000Z',
      editor: 'left',
      path: 'Assets/Player.cs',
      tool: 'unity.generate_script',
      state: 'applied',
      before: null,
      after: null,
    },
  ],
};
const importing = (seq: number, editor: string) =>
  aCommand({ seq, editor, type: 'session.import', payload: document });

describe('the same document imported into one session through two editors at once', () => {
  it('then the second is a conflict, before the end of the first is told and after', async () => {
    const rig = new ExecuteRig();
    const task = rig.task(importing(1, 'left'));
    const verdicts = await Promise.all([rig.go(task), rig.go(rig.task(importing(2, 'right')))]);
    const known = { outcome: 'conflict', error: { code: 'operation_known' } };
    const [first] = verdicts;
    expect(verdicts).toMatchObject([{ kind: 'completed' }, known]);
    if (first?.kind !== 'completed') throw new Error('it completed');
    rig.undoLog.apply(completedEvent(task, first, 1, '2030-01-01T00:00:00.000Z'));
    expect(await rig.go(rig.task(importing(3, 'right')))).toMatchObject(known);
    expect(rig.undoLog.operationsOf('session-1')).toHaveLength(1);
  });

  it('then another session takes it as well', async () => {
    const rig = new ExecuteRig();
    await rig.go(rig.task(importing(1, 'left')));
    expect(
      await rig.go(rig.task(aCommand({ ...importing(2, 'right'), seq: 2, sessionId: 'other' }))),
    ).toMatchObject({
      kind: 'completed',
    });
  });
});

describe('a session’s history', () => {
  const operation = (n: number): Operation => ({
    operationId: `operation-${n}`,
    sessionId: 'session-1',
    editor: 'left',
    path: 'Assets/Player.cs',
    tool: 'unity.generate_script',
    before: null,
    after: null,
    at: '2030-01-01T00:00:00.000Z',
    state: 'applied',
    effective: 'applied',
  });

  it('given an operation that it has, then it stands once, as its row says', () => {
    const history = new SessionHistory();
    history.add(operation(1));
    history.move('operation-1', 'undo');
    history.add(operation(1));
    expect(history.operations).toEqual([operation(1)]);
    expect(history.redo).toEqual([]);
  });

  it('given an operation that it has forgotten, then it is made again', () => {
    const history = new SessionHistory();
    for (let n = 0; n <= OPERATIONS_KEPT; n++) history.add(operation(n));
    expect(history.find('operation-0')).toBeUndefined();
    history.add(operation(0));
    expect(history.find('operation-0')).toEqual(operation(0));
  });
});

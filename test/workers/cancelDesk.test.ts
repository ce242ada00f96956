import { describe, expect, it } from 'vitest';
import { CancelDesk } from '../../src/workers/lanes/cancelDesk.js';
import type { Lane } from '../../src/workers/lanes/lane.js';
import { newTask } from '../../src/workers/lanes/task.js';
import { Claims } from '../../src/workers/ledger/claims.js';
import { eventually } from '../support/autoClock.js';
import { aCommand } from '../support/commandFixtures.js';

describe('cancelling a build that is watched', () => {
  it('asks its editor, again until it has taken the wish, and then no more', async () => {
    const command = aCommand({ type: 'unity.run_build', editor: 'left' });
    const task = newTask(command, { kind: 'parked', parkedSeq: 1 }, undefined);
    const asked: string[] = [];
    const answers: (() => Promise<boolean>)[] = [
      () => Promise.resolve(false),
      () => Promise.reject(new Error('the editor is away')),
      () => Promise.resolve(true),
    ];
    const lane = {
      cancel: (request: NonNullable<typeof task.cancel>) => {
        task.cancel = request;
        return true;
      },
      look: () => ({ running: [], detached: [task], waiting: [] }),
    } as unknown as Lane;
    const claims = new Claims();
    claims.hold(command, false);
    const builds = {
      cancel: (commandId: string) => {
        asked.push(commandId);
        return answers.shift()?.();
      },
    };
    const desk = new CancelDesk({
      claims,
      state: { builds } as never,
      settle: {} as never,
      laneOf: () => ({ lane, parked: {} as never }),
    });
    desk.cancel({ commandId: command.commandId, reason: null, actor: 'ann', at: '2026-03-01T10:00:00.000Z' });
    expect(asked).toEqual([command.commandId]);
    for (const times of [2, 3]) {
      await eventually(() => task.cancelAsked === false, 'the answer');
      desk.askAgain(lane);
      expect(asked).toHaveLength(times);
    }
    await eventually(() => task.cancelAsked === true, 'the last answer');
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    desk.askAgain(lane);
    expect(asked).toHaveLength(3);
  });
});

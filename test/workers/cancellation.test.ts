import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/commands/envelope.js';
import { mayCancel } from '../../src/workers/lanes/cancellation.js';
import { aCommand, scriptPayload } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';
import { BEHAVIOUR } from '../support/memoryGate.js';

const request = (command: Command) => ({
  commandId: command.commandId,
  reason: null,
  actor: 'ann',
  at: '2026-03-01T10:00:00.000Z',
});
const away = { kind: 'away', reason: 'another build runs in this editor', retryAfterMs: 10 } as const;
const tool: Command = {
  ...aCommand({ type: 'unity.call_tool', payload: { tool: 'execute_menu_item', arguments: {} } }),
  via: 'ingest',
};
const build = aCommand({ type: 'unity.run_build', payload: { target: 'webgl' } });

describe.each([
  ['call_tool', tool],
  ['run_build', build],
])('cancelling a %s that has started', (_, command) => {
  async function awayOnce() {
    const rig = new ExecuteRig();
    rig.gate.script.push(BEHAVIOUR.away);
    rig.gate.builds.script.push({ reaches: false, answer: away });
    const task = rig.task(command);
    expect(await rig.go(task)).toMatchObject({ kind: 'hold' });
    expect(rig.started).toHaveLength(1);
    return { rig, task };
  }

  it('given its only call was certainly not taken, then it may end as cancelled', async () => {
    const { task } = await awayOnce();
    expect(mayCancel(task)).toBe(true);
  });

  it('given the wish comes while it asks whether the editor is there, then it is not called any more', async () => {
    const { rig, task } = await awayOnce();
    const calls = rig.gate.calls.length + rig.gate.builds.calls.length;
    task.cancel = request(command);
    expect(await rig.go(task)).toMatchObject({ kind: 'failed', outcome: 'cancelled' });
    expect(rig.gate.calls.length + rig.gate.builds.calls.length).toBe(calls);
    expect([rig.gate.toolsRun, rig.gate.builds.started]).toEqual([[], []]);
  });

  it('given a worker that died after the intent, then it may not: it may have run', async () => {
    const { rig } = await awayOnce();
    expect(mayCancel(new ExecuteRig().task(command, rig.started[0]))).toBe(false);
  });
});

describe('cancelling a script', () => {
  it('given its intent is stored, then it is finished', async () => {
    const rig = new ExecuteRig();
    rig.gate.script.push(BEHAVIOUR.away);
    const task = rig.task(aCommand({ payload: scriptPayload('Assets/A.cs', 'a') }));
    expect(await rig.go(task)).toMatchObject({ kind: 'hold' });
    expect(mayCancel(task)).toBe(false);
  });
});

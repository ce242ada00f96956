import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/commands/envelope.js';
import type { StartedEvent } from '../../src/events/event.js';
import { aCommand } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';
import { BEHAVIOUR } from '../support/memoryGate.js';

const menu = (over: Partial<Command> = {}): Command => ({
  ...aCommand({
    type: 'unity.call_tool',
    payload: { tool: 'execute_menu_item', arguments: { menu_path: 'File/Save' } },
  }),
  via: 'ingest',
  ...over,
});

describe('call_tool', () => {
  it('given it is switched on, then the intent is recorded, the tool runs once and its answer is the result', async () => {
    const rig = new ExecuteRig();
    rig.gate.script.push({
      applies: 'now',
      answer: { kind: 'done', message: 'Saved', data: { dirty: false } },
    });
    expect(await rig.go(rig.task(menu()))).toEqual({
      kind: 'completed',
      result: { success: true, message: 'Saved', data: { dirty: false } },
    });
    expect([rig.started.length, rig.gate.toolsRun]).toEqual([1, ['execute_menu_item']]);
  });

  it.each([
    ['a raw publish', { via: 'publish' } as const, 'forbidden'],
    ['a command of an earlier build, which says nothing', { via: undefined }, 'forbidden'],
  ])('given %s, then it is rejected as forbidden, whatever is switched on', async (_, over, code) => {
    const rig = new ExecuteRig();
    const command = { ...menu(), ...over } as Command;
    expect(await rig.go(rig.task(command))).toMatchObject({ outcome: 'rejected', error: { code } });
    expect([rig.started, rig.gate.toolsRun]).toEqual([[], []]);
  });

  it('given it is switched off, then it is rejected', async () => {
    const rig = new ExecuteRig();
    const { execute } = await import('../../src/workers/execute/execute.js');
    expect(await execute(rig.task(menu()), { ...rig.context, callTool: false }, rig.signal)).toMatchObject({
      outcome: 'rejected',
      error: { code: 'tool_calls_disabled' },
    });
    expect(rig.gate.toolsRun).toEqual([]);
  });

  it.each([['losesReply'], ['losesCall'], ['ghost']] as const)(
    'given %s, then the outcome is unknown and there is no second call',
    async (behaviour) => {
      const rig = new ExecuteRig();
      rig.gate.script.push(BEHAVIOUR[behaviour]);
      const task = rig.task(menu());
      expect(await rig.go(task)).toMatchObject({ outcome: 'outcome_unknown' });
      expect(await rig.go(task)).toMatchObject({ outcome: 'outcome_unknown' });
      expect(rig.gate.calls).toHaveLength(1);
    },
  );

  it('given a worker that died after the intent, then the next one does not call', async () => {
    const first = new ExecuteRig();
    await first.go(first.task(menu()));
    const next = new ExecuteRig();
    expect(await next.go(next.task(menu(), first.started[0] as StartedEvent))).toMatchObject({
      outcome: 'outcome_unknown',
    });
    expect(next.gate.calls).toEqual([]);
  });

  it('given an editor that certainly did not take it, then it may be called again', async () => {
    const rig = new ExecuteRig();
    rig.gate.script.push(BEHAVIOUR.away, BEHAVIOUR.notExecuted);
    const task = rig.task(menu());
    expect(await rig.go(task)).toMatchObject({ kind: 'hold' });
    expect(await rig.go(task)).toMatchObject({ kind: 'retry' });
    expect(await rig.go(task)).toMatchObject({ kind: 'completed' });
    expect([rig.gate.toolsRun, rig.started.length]).toEqual([['execute_menu_item'], 1]);
  });

  it('given a gate that throws in the middle, then the outcome is unknown', async () => {
    const rig = new ExecuteRig();
    rig.gate.onCall = () => Promise.reject(new Error('broken pipe'));
    const task = rig.task(menu());
    expect((await rig.go(task)).kind).toBe('retry');
    expect(await rig.go(task)).toMatchObject({ outcome: 'outcome_unknown' });
    expect(rig.gate.calls).toHaveLength(1);
  });

  it('given a business failure, then it failed as tool_failed with the code of the tool', async () => {
    const rig = new ExecuteRig();
    rig.gate.script.push(BEHAVIOUR.refuses);
    expect(await rig.go(rig.task(menu()))).toMatchObject({
      outcome: 'failed',
      error: { code: 'tool_failed', toolCode: 'no_such_tool' },
    });
  });

  it('given an answer above 64 KB, then it is left out and said so', async () => {
    const rig = new ExecuteRig();
    const data = { text: 'x'.repeat(70_000) };
    rig.gate.script.push({ applies: 'now', answer: { kind: 'done', message: 'ok', data } });
    expect(await rig.go(rig.task(menu()))).toMatchObject({
      result: { data: { truncated: true, limitBytes: 65_536 } },
    });
  });
});

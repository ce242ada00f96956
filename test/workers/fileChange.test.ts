import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/ids.js';
import type { StartedEvent } from '../../src/events/event.js';
import { aCommand, scriptPayload } from '../support/commandFixtures.js';
import { ExecuteRig } from '../support/executeRig.js';
import { BEHAVIOUR, type Behaviour, contentOfText } from '../support/memoryGate.js';
import { KilledError } from '../support/memoryStreams.js';

const PATH = 'Assets/Player.cs';
const EDITOR = 'default';
const overwrite = aCommand({ key: 'k', payload: scriptPayload(PATH, 'new', true) });

/** A file that is overwritten; `detour` are the texts between. */
function setup(script: readonly Behaviour[] = [], detour: readonly string[] = []): ExecuteRig {
  const rig = new ExecuteRig();
  rig.gate.put(EDITOR, PATH, contentOfText('old', 'guid: 0123456789abcdef0123456789abcdef\n'));
  rig.gate.script.push(...script);
  rig.gate.detour = detour;
  return rig;
}
const text = (rig: ExecuteRig) => rig.gate.text(EDITOR, PATH);
const meddle = (rig: ExecuteRig) => () => rig.gate.put(EDITOR, PATH, contentOfText('somebody else'));

describe('one file change', () => {
  it('stores both images before the intent, and the intent before the call', async () => {
    const rig = setup();
    rig.gate.onCall = () => {
      expect(rig.started).toHaveLength(1);
      for (const content of ['old', 'new']) expect(rig.images.bytes.has(sha256(content))).toBe(true);
    };
    const verdict = await rig.toEnd(rig.task(overwrite));
    expect(rig.started[0]?.intent).toMatchObject({
      path: PATH,
      editor: EDITOR,
      before: { sha256: sha256('old'), bytes: 3, meta: { guid: '0123456789abcdef0123456789abcdef' } },
      after: { sha256: sha256('new') },
      waypoints: [sha256('old'), sha256('new')],
    });
    expect(verdict).toMatchObject({
      kind: 'completed',
      result: { path: PATH, sha256: sha256('new'), beforeSha256: sha256('old'), bytes: 3 },
      change: {
        direction: 'apply',
        operation: { tool: 'unity.generate_script', operationId: overwrite.commandId },
      },
    });
  });

  const ways: [what: string, script: Behaviour[], attempts: number, calls: number, drains: number][] = [
    ['that works', [], 1, 1, 0],
    ['whose reply is lost after it ran', [BEHAVIOUR.losesReply], 1, 1, 1],
    ['that is lost before it ran', [BEHAVIOUR.losesCall], 2, 2, 1],
    ['that runs late, as a ghost', [BEHAVIOUR.ghost], 1, 1, 1],
    ['that says done and did nothing, once', [BEHAVIOUR.falseSuccess], 2, 2, 0],
    ['that meets an editor away, three times', [BEHAVIOUR.away, BEHAVIOUR.away, BEHAVIOUR.away], 1, 4, 0],
    ['not executed, twice', [BEHAVIOUR.notExecuted, BEHAVIOUR.notExecuted], 3, 3, 0],
    ['refused as stale by an editor that had not looked', [BEHAVIOUR.stale], 2, 2, 0],
    ['refused as existing by an editor that had not looked', [BEHAVIOUR.exists], 2, 2, 0],
    ['lost, then away, then working', [BEHAVIOUR.losesCall, BEHAVIOUR.away], 2, 3, 1],
  ];
  it.each(ways)('by a call %s: completes with one effect', async (_what, script, attempts, calls, drains) => {
    const rig = setup(script);
    const task = rig.task(overwrite);
    const verdict = await rig.toEnd(task);
    expect(verdict.kind).toBe('completed');
    expect([text(rig), rig.gate.effects.length]).toEqual(['new', 1]);
    expect({ attempts: task.attempts, calls: rig.gate.calls.length, drains: rig.gate.drains }).toEqual({
      attempts,
      calls,
      drains,
    });
    const tokens = rig.gate.calls.map(({ token }) => token.call);
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b));
  });

  it.each([
    ['not executed', BEHAVIOUR.notExecuted, 'failed'],
    ['lost', BEHAVIOUR.losesCall, 'failed'],
    ['said done and did nothing', BEHAVIOUR.falseSuccess, 'failed'],
    ['stale', BEHAVIOUR.stale, 'failed'],
  ] as const)(
    'by calls that are always %s: gives up after three, and says so',
    async (_what, behaviour, outcome) => {
      const rig = setup(Array(9).fill(behaviour));
      const task = rig.task(overwrite);
      const verdict = await rig.toEnd(task);
      expect(verdict).toMatchObject({
        outcome,
        exhausted: true,
        error: { code: 'attempts_exhausted', message: expect.stringContaining('3 attempts') },
      });
      expect([rig.gate.calls.length, task.attempts, text(rig)]).toEqual([3, 3, 'old']);
      expect(rig.gate.calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    },
  );

  it('refused for good: fails at once, nothing changed', async () => {
    const rig = setup([BEHAVIOUR.refuses]);
    expect(await rig.toEnd(rig.task(overwrite))).toMatchObject({
      outcome: 'failed',
      error: { code: 'no_such_tool' },
    });
    expect([rig.gate.calls.length, text(rig)]).toEqual([1, 'old']);
  });

  it('that this editor cannot do: fails before any intent', async () => {
    const rig = setup();
    rig.gate.refusePlan = { code: 'unplannable', message: 'no way' };
    expect(await rig.toEnd(rig.task(overwrite))).toMatchObject({
      outcome: 'failed',
      error: { code: 'unplannable', path: PATH },
    });
    expect([rig.started.length, rig.gate.calls.length]).toEqual([0, 0]);
  });

  it('while the editor is away at the first look: holds without an intent', async () => {
    const rig = setup();
    rig.gate.away.add(EDITOR);
    const task = rig.task(overwrite);
    expect(await rig.go(task)).toMatchObject({ kind: 'hold', retryAfterMs: 100 });
    expect([rig.started.length, task.attempts]).toEqual([0, 0]);
    rig.gate.away.clear();
    expect((await rig.toEnd(task)).kind).toBe('completed');
  });

  it('while the editor is away after a lost reply: holds until it has drained, then looks', async () => {
    const rig = setup([BEHAVIOUR.ghost]);
    rig.gate.onCall = () => {
      // Away right after this call was taken.
      setImmediate(() => rig.gate.away.add(EDITOR));
    };
    const task = rig.task(overwrite);
    const going = rig.go(task);
    await going;
    rig.gate.away.clear();
    expect((await rig.toEnd(task)).kind).toBe('completed');
    expect(rig.gate.effects).toHaveLength(1);
  });
});

describe('a file that somebody else changes meanwhile', () => {
  it('before any call can have run: conflict, nothing overwritten', async () => {
    const rig = setup([BEHAVIOUR.stale]);
    rig.gate.onCall = meddle(rig);
    expect(await rig.toEnd(rig.task(overwrite))).toMatchObject({
      outcome: 'conflict',
      error: { code: 'conflict', expectedSha256: sha256('old'), currentSha256: sha256('somebody else') },
    });
    expect(text(rig)).toBe('somebody else');
  });

  it.each([BEHAVIOUR.losesReply, BEHAVIOUR.losesCall, BEHAVIOUR.falseSuccess])(
    'after a call that may have run (%#): outcome unknown, nothing overwritten',
    async (behaviour) => {
      const rig = setup([behaviour]);
      rig.gate.onCall = meddle(rig);
      expect(await rig.toEnd(rig.task(overwrite))).toMatchObject({
        outcome: 'outcome_unknown',
        error: { code: 'changed_meanwhile' },
      });
      expect([text(rig), rig.gate.calls.length]).toEqual(['somebody else', 1]);
    },
  );

  it('so that its path leads elsewhere: outcome unknown', async () => {
    const rig = setup([BEHAVIOUR.losesReply]);
    rig.gate.onCall = () => {
      rig.gate.onProbe = () => ({ state: 'refused', code: 'outside', message: 'a link' });
    };
    expect(await rig.toEnd(rig.task(overwrite))).toMatchObject({
      outcome: 'outcome_unknown',
      error: { code: 'outside' },
    });
  });

  it('whose path leads elsewhere at the first look: failed, nothing called', async () => {
    const rig = setup();
    rig.gate.onProbe = () => ({ state: 'refused', code: 'outside', message: 'a link' });
    expect(await rig.toEnd(rig.task(overwrite))).toMatchObject({
      outcome: 'failed',
      error: { code: 'outside' },
    });
    expect(rig.gate.calls).toEqual([]);
  });
});

describe('a change in several steps', () => {
  const detour = ['half', 'more'];

  it('takes them one by one', async () => {
    const rig = setup([], detour);
    const task = rig.task(overwrite);
    expect((await rig.toEnd(task)).kind).toBe('completed');
    expect([rig.gate.effects.map(({ after }) => after), task.attempts]).toEqual([['half', 'more', 'new'], 1]);
  });

  it.each([
    ['a lost reply', BEHAVIOUR.losesReply],
    ['a lost call', BEHAVIOUR.losesCall],
    ['a ghost', BEHAVIOUR.ghost],
    ['a false success', BEHAVIOUR.falseSuccess],
    ['an editor away', BEHAVIOUR.away],
    ['not executed', BEHAVIOUR.notExecuted],
  ])('given %s at any of them, each step has one effect', async (_what, behaviour) => {
    for (let at = 0; at < 3; at++) {
      const rig = setup([...Array(at).fill(BEHAVIOUR.works), behaviour], detour);
      expect((await rig.toEnd(rig.task(overwrite))).kind).toBe('completed');
      expect(rig.gate.effects.map(({ after }) => after)).toEqual(['half', 'more', 'new']);
    }
  });

  it.each([
    ['refused', [BEHAVIOUR.works, BEHAVIOUR.refuses], 'no_such_tool'],
    [
      'not executed to the last',
      [BEHAVIOUR.works, ...Array(5).fill(BEHAVIOUR.notExecuted)],
      'attempts_exhausted',
    ],
    ['lost to the last', [BEHAVIOUR.works, ...Array(5).fill(BEHAVIOUR.losesCall)], 'attempts_exhausted'],
  ])('given the second %s: the file is half way, so the outcome is unknown', async (_what, script, code) => {
    const rig = setup(script as Behaviour[], detour);
    expect(await rig.toEnd(rig.task(overwrite))).toMatchObject({
      outcome: 'outcome_unknown',
      error: { code },
    });
    expect(text(rig)).toBe('half');
  });

  it.each([
    [0, 'old'],
    [1, 'half'],
    [2, 'more'],
    [3, 'new'],
  ])('is resumed by another owner at waypoint %d', async (done, at) => {
    const first = setup([], detour);
    const task = first.task(overwrite);
    first.gate.onCall = () => {
      if (first.gate.effects.length === done) throw new KilledError('killed');
    };
    if (done < 3) await expect(first.go(task)).rejects.toThrow('killed');
    else await first.go(task);
    expect(text(first)).toBe(at);
    first.gate.onCall = undefined;
    const again = first.task(overwrite, first.started[0] as StartedEvent);
    expect(await first.toEnd(again)).toMatchObject({
      kind: 'completed',
      change: { operation: { before: { sha256: sha256('old') }, after: { sha256: sha256('new') } } },
    });
    expect(first.gate.effects.map(({ after }) => after)).toEqual(['half', 'more', 'new']);
    expect(first.started).toHaveLength(1);
    expect(first.gate.drains).toBeGreaterThan(0);
  });
});

describe('taken up by another owner', () => {
  const interrupted = async (behaviour: Behaviour, detour: string[] = []) => {
    const rig = setup([behaviour], detour);
    const task = rig.task(overwrite);
    await rig.go(task);
    return { rig, again: rig.task(overwrite, rig.started[0] as StartedEvent) };
  };

  it('with its images gone: outcome unknown, nothing touched', async () => {
    const { rig, again } = await interrupted(BEHAVIOUR.away);
    rig.images.bytes.clear();
    expect(await rig.toEnd(again)).toMatchObject({
      outcome: 'outcome_unknown',
      error: { code: 'image_missing' },
    });
    expect(text(rig)).toBe('old');
  });

  it('by a build that plans otherwise: finished where it had ended, else unknown, never half redone', async () => {
    const { rig, again } = await interrupted(BEHAVIOUR.away);
    rig.gate.detour = ['another way'];
    expect(await rig.toEnd(again)).toMatchObject({
      outcome: 'outcome_unknown',
      error: { code: 'plan_changed' },
    });
    expect(text(rig)).toBe('old');
    rig.gate.put(EDITOR, PATH, contentOfText('new'));
    expect((await rig.toEnd(rig.task(overwrite, rig.started[0] as StartedEvent))).kind).toBe('completed');
  });

  it('after somebody else changed the file: outcome unknown, because a call may have run', async () => {
    const { rig, again } = await interrupted(BEHAVIOUR.away);
    meddle(rig)();
    expect(await rig.toEnd(again)).toMatchObject({
      outcome: 'outcome_unknown',
      error: { code: 'changed_meanwhile' },
    });
    expect(text(rig)).toBe('somebody else');
  });

  it('whatever its deadline: it has started', async () => {
    const { rig, again } = await interrupted(BEHAVIOUR.away);
    const late = { ...again, command: { ...again.command, deadline: '2020-01-01T00:00:00.000Z' } };
    expect((await rig.toEnd(late)).kind).toBe('completed');
  });
});

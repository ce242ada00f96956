import { describe, expect, it } from 'vitest';
import type { Effect, LogEvent } from '../../chaos/checker/evidence.js';
import { effectsOnce } from '../../chaos/checker/invariants/i03EffectsOnce.js';
import {
  effectOf,
  endEvent,
  envelopeOf,
  evidenceOf,
  historyOf,
  intentOf,
  logOf,
  type Script,
  sent,
  sha,
  startedEvent,
} from './support/run.js';

const a: Script = { commandId: 'a', place: 1 };
const b: Script = { commandId: 'b', place: 2 };

function check(events: readonly LogEvent[], effects: readonly Effect[], history = historyOf([])) {
  return effectsOnce
    .check(evidenceOf({ log: logOf(...events.map((event) => [event])), effects, history }))
    .violations.map(({ detail }) => detail);
}

describe('I3: effects per command', () => {
  it('given each completed once, in a chain, holds', () => {
    expect(
      check([startedEvent(a), endEvent(a), startedEvent(b), endEvent(b)], [effectOf(1, a), effectOf(2, b)]),
    ).toEqual([]);
  });

  it('given a completed one without its effect, or with two, says so', () => {
    expect(check([startedEvent(a), endEvent(a)], [])).toEqual([
      'Assets/A.cs: completed with 0 effects, not 1',
    ]);
    expect(check([startedEvent(a), endEvent(a)], [effectOf(1, a), effectOf(2, a)])).toEqual([
      'Assets/A.cs: completed with 2 effects, not 1',
      'e0:Assets/A.cs was changed from a state that nobody left there',
    ]);
  });

  it('given an effect that leads elsewhere than the record says, says so', () => {
    expect(
      check([startedEvent(a), endEvent(a)], [effectOf(1, a, { afterSha: sha('elsewhere') })]),
    ).toHaveLength(1);
  });

  it.each(['failed', 'rejected', 'conflict', 'cancelled', 'expired'])(
    'given one that is %s and has an effect, says so',
    (outcome) => {
      expect(check([startedEvent(a), endEvent(a, outcome)], [effectOf(1, a)])).toHaveLength(1);
      expect(check([startedEvent(a), endEvent(a, outcome)], [])).toEqual([]);
    },
  );

  it('given an unknown outcome, one effect is fine and two are not', () => {
    const events = [startedEvent(a), endEvent(a, 'outcome_unknown')];
    expect(check(events, [effectOf(1, a)])).toEqual([]);
    expect(check(events, [effectOf(1, a), effectOf(2, a)])).toContain('Assets/A.cs: unknown, and 2 effects');
  });

  it('given an effect without a command of the log, or of one that never had an intent, says so', () => {
    expect(check([startedEvent(a), endEvent(a)], [effectOf(1, a), effectOf(2, b)])).toEqual([
      '1 effect of a command that the log does not know',
    ]);
    expect(check([endEvent(a, 'rejected', { envelope: envelopeOf(a) })], [effectOf(1, a)])).toEqual([
      'rejected without an intent, and 1 effects',
    ]);
  });

  it('given a change on top of a state that nobody left, says so, unless a human saved it', () => {
    const c: Script = { commandId: 'c', place: 5 };
    const events = [startedEvent(a), endEvent(a), startedEvent(c), endEvent(c)];
    const effects = [effectOf(1, a), effectOf(2, c)];
    expect(check(events, effects)).toEqual([
      'e0:Assets/A.cs was changed from a state that nobody left there',
    ]);
    const human = historyOf([
      {
        kind: 'outside',
        editor: 'e0',
        path: 'Assets/A.cs',
        beforeSha: sha('state 1'),
        afterSha: sha('state 4'),
      },
    ]);
    expect(check(events, effects, human)).toEqual([]);
  });
});

describe('I3 of keys', () => {
  it('given two commands under one key, says so, unless the second was rejected', () => {
    const first = { ...a, key: 'k' };
    const second = { ...b, key: 'k', path: 'Assets/B.cs' };
    const effects = [effectOf(1, first), effectOf(2, second)];
    expect(
      check([startedEvent(first), endEvent(first), startedEvent(second), endEvent(second)], effects),
    ).toEqual(['key k of s0 is 2 commands']);
    const rejected = endEvent(second, 'rejected', { envelope: envelopeOf(second) });
    expect(check([startedEvent(first), endEvent(first), rejected], [effectOf(1, first)])).toEqual([]);
  });
});

describe('I3 of several files', () => {
  const unit: Script = { commandId: 'u', place: 1, type: 'session.rollback' };
  const [one, two] = [intentOf({ ...a, path: 'Assets/A.cs' }), intentOf({ ...a, path: 'Assets/B.cs' })];
  const begun = startedEvent(unit, { intents: [one, two] });
  const onB = effectOf(2, { ...a, commandId: 'u', path: 'Assets/B.cs' });
  const onA = effectOf(1, { ...a, commandId: 'u' });

  it('given each file once, holds; one file left out is told', () => {
    expect(check([begun, endEvent(unit)], [onA, onB])).toEqual([]);
    expect(check([begun, endEvent(unit)], [onA])).toEqual(['Assets/B.cs: completed with 0 effects, not 1']);
  });

  it('given a failure that took back what it did, holds; what stays without being recorded is told', () => {
    const back = { ...onA, n: 2, beforeSha: onA.afterSha, afterSha: onA.beforeSha };
    expect(check([begun, endEvent(unit, 'failed')], [onA, back])).toEqual([]);
    expect(check([begun, endEvent(unit, 'failed')], [onA])).toEqual(['Assets/A.cs: failed with 1 effect']);
    const operation = { operationId: 'o', editor: 'e0', path: 'Assets/A.cs', before: null, after: null };
    const recorded = endEvent(unit, 'failed', { changes: [{ direction: 'undo', operation }] });
    expect(check([begun, recorded], [onA])).toEqual([]);
  });
});

describe('I3 of opaque tools and builds', () => {
  const tool: Script = { commandId: 't', place: 1, type: 'unity.call_tool' };
  const ran = effectOf(1, tool, { tool: 'create_script' });
  const effectful = historyOf(
    sent(tool).map((entry) => (entry.kind === 'invoke' ? { ...entry, about: { effectful: true } } : entry)),
  );

  it('given a tool that ran once and is told as completed or unknown, holds; twice, or never, is told', () => {
    expect(check([startedEvent(tool), endEvent(tool)], [ran], effectful)).toEqual([]);
    expect(check([startedEvent(tool), endEvent(tool, 'outcome_unknown')], [ran])).toEqual([]);
    expect(
      check(
        [startedEvent(tool), endEvent(tool, 'outcome_unknown')],
        [ran, { ...ran, n: 2, beforeSha: ran.afterSha }],
      ),
    ).toContain('an opaque tool ran 2 times');
    expect(check([startedEvent(tool), endEvent(tool)], [], effectful)).toEqual([
      'an opaque tool is told as completed and never ran',
    ]);
    expect(check([startedEvent(tool), endEvent(tool, 'cancelled')], [ran])).toEqual([
      'an opaque tool ran and is told as cancelled',
    ]);
  });

  const build: Script = { commandId: 'j', place: 1, type: 'unity.run_build' };
  const start = effectOf(1, build, {
    tool: 'manage_build',
    path: 'Builds/j',
    beforeSha: null,
    afterSha: null,
  });

  it('given a build started once, holds; twice, or never, is told', () => {
    expect(check([startedEvent(build), endEvent(build)], [start])).toEqual([]);
    expect(check([startedEvent(build), endEvent(build)], [start, { ...start, n: 2 }])).toEqual([
      'a build was started 2 times',
    ]);
    expect(check([startedEvent(build), endEvent(build)], [])).toEqual([
      'a build is told as completed and was never started',
    ]);
  });
});

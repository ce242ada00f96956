import { describe, expect, it } from 'vitest';
import { nothingAckedIsLost } from '../../chaos/checker/invariants/i01NothingAckedIsLost.js';
import { oneEndEach } from '../../chaos/checker/invariants/i02OneEndEach.js';
import {
  BEGAN_MS,
  endEvent,
  evidenceOf,
  historyOf,
  logOf,
  type Script,
  sent,
  startedEvent,
} from './support/run.js';

const a: Script = { commandId: 'a', place: 1 };
const b: Script = { commandId: 'b', place: 2 };
const whole = logOf([startedEvent(a)], [endEvent(a)], [startedEvent(b)], [endEvent(b)]);
const details = (violations: readonly { detail: string }[]) => violations.map(({ detail }) => detail);

describe('I1: nothing acknowledged is lost', () => {
  it('given every acknowledged command in the log, by id, by place and by key, holds', () => {
    const published = (opId: string, key: string | null, streamSeq: number) => [
      {
        kind: 'invoke',
        opId,
        client: 'n',
        op: 'publish',
        workload: 'append',
        via: 'nats',
        session: 's0',
        editor: 'e0',
        type: 'unity.apply_patch',
        key,
        payloadSha: 'p',
        send: 1,
      } as const,
      { kind: 'ok', opId, client: 'n', streamSeq } as const,
    ];
    // The third is a repeat of a key: its own place in the stream has no event.
    const history = historyOf([...sent(a), ...published('n1', 'key-b', 2), ...published('n2', 'key-b', 9)]);
    const { checked, violations } = nothingAckedIsLost.check(evidenceOf({ log: whole, history }));
    expect(details(violations)).toEqual([]);
    expect(checked).toBe(3);
  });

  it('given a 202 whose command is not in the log, names it', () => {
    const history = historyOf([...sent(a), ...sent({ commandId: 'c', place: 3 })]);
    const { violations } = nothingAckedIsLost.check(evidenceOf({ log: whole, history }));
    expect(violations).toMatchObject([{ commandId: 'c', evidence: { log: 'no event of it' } }]);
  });

  it('given a PubAck whose place and key nobody knows, names it', () => {
    const history = historyOf([
      {
        kind: 'invoke',
        opId: 'n',
        client: 'n',
        op: 'publish',
        workload: 'append',
        via: 'nats',
        session: 's0',
        editor: 'e0',
        type: 'unity.apply_patch',
        key: null,
        send: 1,
      },
      { kind: 'ok', opId: 'n', client: 'n', streamSeq: 7 },
    ]);
    expect(nothingAckedIsLost.check(evidenceOf({ log: whole, history })).violations).toHaveLength(1);
  });

  it('given a command that became one of another editor, says so', () => {
    const history = historyOf(sent({ ...a, editor: 'e1' }));
    const { violations } = nothingAckedIsLost.check(evidenceOf({ log: whole, history }));
    expect(details(violations)).toEqual(['what was acknowledged became another command than was asked for']);
  });

  it('given two ids told for one key and payload, says so', () => {
    const again = { ...b, key: 'key-a' };
    const history = historyOf([...sent(a), ...sent(again, { opId: 'again' })]).map((record) =>
      record.kind === 'invoke' ? { ...record, payloadSha: 'same' } : record,
    );
    const log = logOf([startedEvent(a)], [endEvent(a)], [startedEvent(again)], [endEvent(again)]);
    expect(details(nothingAckedIsLost.check(evidenceOf({ log, history })).violations)).toEqual([
      'key key-a of s0 was told two commands',
    ]);
  });

  it('given only sends that nobody answered, promises nothing', () => {
    const history = historyOf(
      sent({ commandId: 'c', place: 3 }).map((entry) =>
        entry.kind === 'ok' ? { ...entry, kind: 'info' as const } : entry,
      ),
    );
    expect(nothingAckedIsLost.check(evidenceOf({ log: whole, history }))).toEqual({
      checked: 0,
      violations: [],
    });
  });
});

describe('I2: exactly one end each', () => {
  const healed = historyOf([{ kind: 'phase', phase: 'healed', atMs: 0 }]);

  it('given one end each, in time, holds', () => {
    const { checked, violations } = oneEndEach.check(evidenceOf({ log: whole, history: healed }));
    expect(violations).toEqual([]);
    expect(checked).toBe(2);
  });

  it('given a command without an end, names it, on both databases too', () => {
    const log = logOf([startedEvent(a)]);
    const { violations } = oneEndEach.check(evidenceOf({ log, history: healed }));
    expect(details(violations)).toEqual([
      'unity.apply_patch has not ended',
      'the primary still shows it as started',
      'the replica still shows it as started',
    ]);
  });

  it('given two ends, names it', () => {
    const log = logOf([startedEvent(a)], [endEvent(a)], [endEvent(a, 'conflict')]);
    expect(details(oneEndEach.check(evidenceOf({ log, history: healed })).violations)).toEqual([
      'unity.apply_patch has ended 2 times',
    ]);
  });

  it('given an end more than 120 s after healing, names it', () => {
    const log = whole.map((message) => ({
      ...message,
      tsMs: BEGAN_MS + (message.streamSeq === 5 ? 121_000 : 1_000),
    }));
    expect(details(oneEndEach.check(evidenceOf({ log, history: healed })).violations)).toEqual([
      'unity.apply_patch was open 121 s after healing',
    ]);
  });

  it('given a command that was asked for only later, its time begins there', () => {
    const asked = { ...a, place: 100_000 };
    const log = logOf([startedEvent(asked)], [endEvent(asked)]).map((message) => ({
      ...message,
      tsMs: BEGAN_MS + 200_000,
    }));
    expect(oneEndEach.check(evidenceOf({ log, history: healed })).violations).toEqual([]);
  });

  it('given a client that was told another end, or one that the log does not have, says so', () => {
    const seen = (commandId: string, state: string) => ({
      kind: 'seen' as const,
      client: 'c',
      commandId,
      state,
    });
    const told = (...entries: ReturnType<typeof seen>[]) =>
      details(
        oneEndEach.check(
          evidenceOf({
            log: whole,
            history: historyOf([{ kind: 'phase', phase: 'healed', atMs: 0 }, ...entries]),
          }),
        ).violations,
      );
    expect(told(seen('a', 'completed'))).toEqual([]);
    expect(told(seen('a', 'conflict'))).toEqual(['the client was told conflict, the log says completed']);
    expect(told(seen('c', 'completed'))).toEqual(['the client was told completed, the log says nothing']);
  });
});

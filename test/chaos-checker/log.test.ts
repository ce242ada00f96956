import { describe, expect, it } from 'vitest';
import type { Evidence, LogMessage } from '../../chaos/checker/evidence.js';
import { wellFormedLog } from '../../chaos/checker/invariants/i05WellFormedLog.js';
import { endEvent, envelopeOf, evidenceOf, logOf, type Script, startedEvent } from './support/run.js';

const a: Script = { commandId: 'a', place: 1 };
const b: Script = { commandId: 'b', place: 2 };
const check = (log: readonly LogMessage[], over: Partial<Evidence> = {}) =>
  wellFormedLog.check(evidenceOf({ log, ...over })).violations.map(({ detail }) => detail);

describe('I5: well-formed, gap-free streams', () => {
  it('given a claim, and each command with its beginning and its end, holds', () => {
    expect(check(logOf([startedEvent(a)], [endEvent(a), startedEvent(b)], [endEvent(b)]))).toEqual([]);
  });

  it('given a hole, at the front, in the middle or at the end, says so', () => {
    const log = logOf([startedEvent(a)], [endEvent(a)]);
    expect(check(log.slice(1))).toContain('the log has no message between 0 and 2');
    expect(check(log.toSpliced(1, 1))).toContain('the log has no message between 1 and 3');
    expect(check(log, { logLastSeq: 4 })).toEqual(['the log has no message between 3 and 5']);
  });

  it('given an event twice, says so', () => {
    expect(check(logOf([startedEvent(a)], [endEvent(a)], [endEvent(a)]))).toEqual([
      'apply_unity_patch.completed stands in the log twice',
      'went on after its end',
    ]);
  });

  it('given a second beginning, an end before it, or something behind the end, says so', () => {
    const again = startedEvent(a, { eventId: 'other', token: { epoch: 1, call: 9 } });
    expect(check(logOf([startedEvent(a)], [again], [endEvent(a)]))).toEqual(['began 2 times']);
    expect(check(logOf([endEvent(a)], [startedEvent(a)]))).toEqual([
      'did something before it began',
      'went on after its end',
    ]);
  });

  it('given an end without a beginning, wants the envelope with it, and an outcome that may be so', () => {
    expect(check(logOf([endEvent(a, 'rejected', { envelope: envelopeOf(a) })]))).toEqual([]);
    expect(check(logOf([endEvent(a, 'rejected')]))).toEqual([
      'ended without a beginning and without its envelope',
    ]);
    expect(check(logOf([endEvent(a, 'outcome_unknown', { envelope: envelopeOf(a) })]))).toEqual([
      'is outcome_unknown and never began',
    ]);
  });

  it('given an append of an owner behind the claim of the next one, says so', () => {
    const c: Script = { commandId: 'c', place: 3 };
    const later = startedEvent(b, { token: { epoch: 3, call: 1 } });
    const taken = [[startedEvent(a)], [], [later], [endEvent(b)], [endEvent(a)]] as const;
    expect(check(logOf(...taken))).toEqual([]);
    // The zombie has looked before the new owner has done anything, and appends behind its claim all the same.
    const zombie = startedEvent(c, { editor: 'e1' });
    expect(
      check(logOf([startedEvent(a)], [], [zombie], [later], [endEvent(a), endEvent(b), endEvent(c)])),
    ).toEqual(['partition 0: an owner of epoch 1 appended behind the claim of epoch 3']);
  });

  it('given a barrier, which looks like a claim and is none, passes it by', () => {
    expect(check(logOf([startedEvent(a)], [], [startedEvent(b)], [endEvent(a)], [endEvent(b)]))).toEqual([]);
  });

  it('given an epoch that nobody has claimed, says so', () => {
    expect(check(logOf([startedEvent(a, { token: { epoch: 2, call: 1 } })], [endEvent(a)]))).toEqual([
      'partition 0: an owner appended under epoch 2, which nobody has claimed',
    ]);
  });

  it('given fence tokens that do not grow, says so', () => {
    expect(check(logOf([startedEvent(b)], [startedEvent(a)]))).toEqual(['fence tokens of e0 do not grow']);
  });

  it('given something that is not SPARK in the log, passes it by', () => {
    const log = logOf([startedEvent(a)], [endEvent(a)]);
    const stranger = { streamSeq: 4, partition: 0, tsMs: 0, events: undefined };
    expect(check([...log, stranger])).toEqual([]);
  });
});

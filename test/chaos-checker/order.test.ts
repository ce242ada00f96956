import { describe, expect, it } from 'vitest';
import type { LogEvent } from '../../chaos/checker/evidence.js';
import { sessionOrder } from '../../chaos/checker/invariants/i04SessionOrder.js';
import type { HistoryEntry } from '../../chaos/history.js';
import { endEvent, evidenceOf, historyOf, logOf, type Script, sent, startedEvent } from './support/run.js';

const a: Script = { commandId: 'a', place: 1 };
const b: Script = { commandId: 'b', place: 2 };

const check = (
  events: readonly LogEvent[],
  entries: readonly HistoryEntry[] = [],
  files: Record<string, string> = {},
) =>
  sessionOrder
    .check(evidenceOf({ log: logOf(...events.map((event) => [event])), history: historyOf(entries), files }))
    .violations.map(({ detail }) => detail);

const [a1, a2, b1, b2] = [startedEvent(a), endEvent(a), startedEvent(b), endEvent(b)];

describe('I4: order per session on each editor', () => {
  it('given commands one after the other, as sent and as stored, holds', () => {
    expect(check([a1, a2, b1, b2], [...sent(a), ...sent(b)])).toEqual([]);
  });

  it('given one that began before the one that lies before it in the stream was done, says so', () => {
    expect(check([b1, b2, a1, a2])).toEqual([
      'unity.apply_patch of s0 on e0 began before a was done, though it lies before it in the command stream',
    ]);
    expect(check([a1, b1, a2, b2])).toHaveLength(1);
  });

  it('given the same with other sessions or editors, holds: they have no order', () => {
    const other = { ...a, session: 's1' };
    expect(check([b1, b2, startedEvent(other), endEvent(other)])).toEqual([]);
    const elsewhere = { ...a, editor: 'e1' };
    expect(check([b1, startedEvent(elsewhere), endEvent(elsewhere), b2])).toEqual([]);
  });

  it('given places that agree, but a client that held the acknowledgement of the later one first, says so', () => {
    const early = { ...a, place: 2, commandId: 'a' };
    const late = { ...b, place: 1, commandId: 'b' };
    const events = [startedEvent(late), endEvent(late), startedEvent(early), endEvent(early)];
    expect(check(events, [...sent(early), ...sent(late)])).toEqual([
      'unity.apply_patch of s0 on e0 began before a was done, though the client had the acknowledgement',
    ]);
    // Sent at the same time: the client cannot know which one came first.
    const [invokeA, okA] = sent(early);
    const [invokeB, okB] = sent(late);
    if (!invokeA || !okA || !invokeB || !okB) throw new Error('two entries each');
    expect(check(events, [invokeA, invokeB, okA, okB])).toEqual([]);
  });

  it.each(['expired', 'cancelled', 'rejected'])(
    'given one that is %s, it needs no turn: it did nothing',
    (outcome) => {
      expect(check([b1, endEvent(b, outcome), a1, a2], [...sent(a), ...sent(b)])).toEqual([]);
      expect(check([b1, endEvent(b, 'failed'), a1, a2])).toHaveLength(1);
    },
  );

  it('given a build, what follows need not wait for its end', () => {
    const build = { ...a, type: 'unity.run_build' };
    expect(check([startedEvent(build), b1, b2, endEvent(build)])).toEqual([]);
    expect(check([b1, b2, startedEvent(build), endEvent(build)])).toHaveLength(1);
  });
});

describe('I4 in the content of files', () => {
  const append = (script: Script): HistoryEntry[] =>
    sent(script).map((entry) =>
      entry.kind === 'invoke'
        ? { ...entry, about: { appendTo: 'Assets/A.cs', token: `tok-${script.commandId}` } }
        : entry,
    );
  const entries = [...append(a), ...append(b)];
  const events = [a1, a2, b1, b2];
  const file = (...tokens: string[]) => ({
    'e0:Assets/A.cs': tokens.map((token) => `// <t:${token}>\n`).join(''),
  });

  it('given each token once, the newest on top, holds', () => {
    expect(check(events, entries, file('tok-b', 'tok-a'))).toEqual([]);
  });

  it('given a token that is missing or stands there twice, says so', () => {
    expect(check(events, entries, file('tok-b'))).toEqual([
      'e0:Assets/A.cs: token tok-a of a completed append stands there 0 times',
    ]);
    expect(check(events, entries, file('tok-b', 'tok-a', 'tok-a'))).toEqual([
      'e0:Assets/A.cs: token tok-a of a completed append stands there 2 times',
    ]);
  });

  it('given a token of an append that failed, says so', () => {
    expect(check([a1, a2, b1, endEvent(b, 'conflict')], entries, file('tok-b', 'tok-a'))).toEqual([
      'e0:Assets/A.cs: token tok-b of an append that is conflict stands there',
    ]);
  });

  it('given an append without a key that nobody answered, it may be there or not, but not twice', () => {
    const keyless = append({ commandId: 'x', place: 9, key: null }).map((entry) =>
      entry.kind === 'ok' ? { kind: 'info' as const, opId: entry.opId, client: entry.client } : entry,
    );
    expect(check(events, [...entries, ...keyless], file('tok-b', 'tok-a'))).toEqual([]);
    expect(check(events, [...entries, ...keyless], file('tok-x', 'tok-b', 'tok-a'))).toEqual([]);
    expect(check(events, [...entries, ...keyless], file('tok-x', 'tok-x', 'tok-b', 'tok-a'))).toHaveLength(1);
  });

  it('given tokens in the wrong order, says so', () => {
    expect(check(events, entries, file('tok-a', 'tok-b'))).toEqual([
      'e0:Assets/A.cs: token tok-b stands behind tok-a, which was acknowledged before it was sent',
    ]);
  });
});

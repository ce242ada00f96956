import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_EVENTS_PER_MESSAGE, seqOf, streamSeqOf } from '../../src/events/event.js';
import { decodeLogMessage, encodeLogMessage, isLogMessage } from '../../src/events/log.js';
import { isTerminal, stateAfter } from '../../src/events/outcome.js';
import { UnknownEventVersionError, type Upcasters, upcast } from '../../src/events/upcast.js';
import { command, completed, failed, operationOf, started } from '../support/story.js';

const story = command({ commandId: '00000000-0000-8000-8000-000000000001' });

describe('a message of the log', () => {
  it('given events, brings them back as they were, in order, each with its place', () => {
    const events = [started(story), completed(story), failed(story, 'conflict')];
    const logged = decodeLogMessage(encodeLogMessage(events), 7, 1_234, 3);
    expect(logged.map(({ event }) => event)).toEqual(events);
    expect(logged.map(({ seq }) => seq)).toEqual([seqOf(7, 0), seqOf(7, 1), seqOf(7, 2)]);
    expect(logged.every(({ tsMs, partition }) => tsMs === 1_234 && partition === 3)).toBe(true);
  });

  it('given none, is a claim: nothing comes back', () => {
    expect(decodeLogMessage(encodeLogMessage([]), 1, 1, 0)).toEqual([]);
  });

  it.each([
    ['an acknowledgement of the server', '{"stream":"SPARK_COMMANDS", "seq":7}'],
    ['no JSON', 'x{'],
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[1]'],
    ['events that are no list', '{"v":1,"events":{}}'],
  ])('given %s, is not ours, and holds no events', (_what, text) => {
    const data = Buffer.from(text);
    expect(isLogMessage(data)).toBe(false);
    expect(decodeLogMessage(data, 1, 1, 0)).toEqual([]);
    expect(isLogMessage(encodeLogMessage([]))).toBe(true);
  });

  it('given a form yet to come, is refused rather than passed over', () => {
    const newer = Buffer.from(JSON.stringify({ v: 2, events: [] }));
    expect(() => decodeLogMessage(newer, 1, 1, 0)).toThrow(UnknownEventVersionError);
  });

  it('keeps any text of a client as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const event = completed(story, { result: { text } });
        expect(decodeLogMessage(encodeLogMessage([event]), 1, 1, 0)[0]?.event).toEqual(event);
      }),
    );
  });
});

describe('places in the log', () => {
  const place = fc.tuple(
    fc.integer({ min: 1, max: 8_000_000_000_000 }),
    fc.integer({ min: 0, max: MAX_EVENTS_PER_MESSAGE - 1 }),
  );

  it('grow strictly in log order, are safe integers and lead back to their message', () => {
    fc.assert(
      fc.property(place, place, ([seqA, indexA], [seqB, indexB]) => {
        const [a, b] = [seqOf(seqA, indexA), seqOf(seqB, indexB)];
        expect(Number.isSafeInteger(a)).toBe(true);
        expect(streamSeqOf(a)).toBe(seqA);
        expect(Math.sign(a - b)).toBe(Math.sign(seqA - seqB || indexA - indexB));
      }),
    );
  });
});

describe('upcasting', () => {
  const old = { v: 1, name: 'x' };
  const ladder: Upcasters = new Map([
    [
      1,
      (event: Record<string, unknown>): Record<string, unknown> => ({ ...event, v: 2, title: event['name'] }),
    ],
    [2, (event: Record<string, unknown>): Record<string, unknown> => ({ ...event, v: 3, tags: [] })],
  ]);

  it('given today’s version, leaves an event alone', () => {
    const event = started(story);
    expect(upcast(event as never)).toBe(event);
  });

  it('given an old version, climbs one step at a time', () => {
    expect(upcast(old, ladder, 3)).toEqual({ v: 3, name: 'x', title: 'x', tags: [] });
    expect(upcast({ v: 2, title: 'y' }, ladder, 3)).toEqual({ v: 3, title: 'y', tags: [] });
    expect(old).toEqual({ v: 1, name: 'x' });
  });

  it.each([4, 0, undefined, 'one'])('given version %s, says that it cannot be read', (v) => {
    expect(() => upcast({ v }, ladder, 3)).toThrow(UnknownEventVersionError);
  });

  it('is done on the way out of the log', () => {
    const newer = Buffer.from(JSON.stringify({ v: 1, events: [{ v: 99 }] }));
    expect(() => decodeLogMessage(newer, 1, 1, 0)).toThrow(UnknownEventVersionError);
  });
});

describe('the state after an event', () => {
  it.each([
    ['rejected', 'rejected'],
    ['conflict', 'conflict'],
    ['outcome_unknown', 'outcome_unknown'],
    ['cancelled', 'cancelled'],
    ['failed', 'failed'],
    ['expired', 'failed'],
  ] as const)('given a failure with outcome %s, is %s, and terminal', (outcome, state) => {
    expect(stateAfter(failed(story, outcome))).toBe(state);
    expect(isTerminal(state)).toBe(true);
  });

  it('is open after an intent, closed after a completion', () => {
    expect([stateAfter(started(story)), isTerminal('started'), isTerminal('accepted')]).toEqual([
      'started',
      false,
      false,
    ]);
    const done = completed(story, {
      change: { direction: 'apply', operation: operationOf(story, null, 'x') },
    });
    expect([stateAfter(done), isTerminal('completed')]).toEqual(['completed', true]);
  });
});

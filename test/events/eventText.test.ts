import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SparkEvent } from '../../src/events/event.js';
import { type EventText, eventTextsOf, type TextPieces } from '../../src/events/eventText.js';
import { encodeLogMessage } from '../../src/events/log.js';
import { command, completed, failed, started } from '../support/story.js';

const story = command({ commandId: '00000000-0000-8000-8000-000000000001' });
const pieces = ({ bytes, bounds }: TextPieces): string[] => {
  const found: string[] = [];
  for (let i = 0; i < bounds.length; i += 2)
    found.push(Buffer.from(bytes.subarray(bounds[i], bounds[i + 1])).toString());
  return found;
};
const objectIn = (text: EventText): string => `{${pieces(text.rest).join(',')}}`;
const saidIn = ({ result, error }: EventText): (string | undefined)[] =>
  [result, error].map((said) => said?.bounds && pieces(said)[0]);
const restOf = ({ eventId, commandId, type, sessionId, ...rest }: SparkEvent): object => rest;

/** The texts of a message of one event with this member, as somebody else may have written it. */
function textWith(member: string): EventText | undefined {
  const data = encodeLogMessage([started(story)]);
  const whole = Buffer.from(data).toString().replace('"kind":', `${member},"kind":`);
  expect(() => JSON.parse(whole)).not.toThrow();
  return eventTextsOf(Buffer.from(whole, 'utf8'))?.[0];
}

describe('the texts in a message of the log', () => {
  it('given any events, then each text is what JSON.stringify makes of what the event says', () => {
    const any = fc.jsonValue();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(any, fc.string({ unit: 'grapheme' }), fc.double()), { maxLength: 4 }),
        (all) => {
          const events = all.flatMap(([value, message, durationMs]) => [
            started(story),
            completed(story, { result: { value, message }, durationMs }),
            failed(story, 'failed', { error: { code: 'x', message, value } }),
          ]);
          const texts = eventTextsOf(encodeLogMessage(events));
          expect(texts?.length).toBe(events.length);
          for (const [i, event] of events.entries()) {
            const text = texts?.[i];
            if (text === undefined) continue;
            expect(objectIn(text)).toBe(JSON.stringify(restOf(event)));
            const result = event.kind === 'completed' ? event.result : undefined;
            const error = event.kind === 'failed' ? event.error : undefined;
            expect(saidIn(text)).toEqual([result, error].map((said) => said && JSON.stringify(said)));
          }
        },
      ),
    );
  });

  it('given an event with a result and an error, then each is told as what it is', () => {
    const text = textWith('"error":{"b":2},"result":{"a":1}');
    expect(text && saidIn(text)).toEqual(['{"a":1}', '{"b":2}']);
    const none = textWith('"error":null,"result":{"a":1}');
    expect(none && saidIn(none)).toEqual(['{"a":1}', undefined]);
  });

  it('given a second list behind the first, which is the one that JSON.parse reads, then there are no texts', () => {
    const whole = Buffer.from(encodeLogMessage([started(story)])).toString();
    const twice = whole.replace(/}$/, ',"events":[{"v":2}]}');
    expect(JSON.parse(twice)).toMatchObject({ events: [{ v: 2 }] });
    expect(eventTextsOf(Buffer.from(twice))).toBeUndefined();
    expect(eventTextsOf(Buffer.from(whole))).toHaveLength(1);
  });

  it('given what workers write, then no event has to be written anew', () => {
    const events = [
      started(story),
      completed(story, {
        durationMs: 0.125,
        result: { cost: 0.37, 'größe "x"\n': [1e21, -7, 123_456_789_012, {}] },
      }),
      failed(story, 'failed', { durationMs: 1 / 3 }),
    ];
    expect(eventTextsOf(encodeLogMessage(events))?.every((text) => text !== undefined)).toBe(true);
  });

  it.each([
    ['a number with a zero at its end', '"x":1.0'],
    ['an exponent of its own', '"x":1e2'],
    ['a negative zero', '"x":[-0]'],
    ['more digits than a number holds', '"x":12345678901234567890'],
    ['more digits than a fraction holds', '"x":0.10000000000000000001'],
    ['a number that is infinite', '"x":1e999'],
    ['an escaped NUL', '"x":"\\u0000"'],
    ['a lone surrogate', '"x":{"y":"\\ud800"}'],
    ['an escape in a key', '"\\u0074ype":"z"'],
    ['a second version', '"v":2'],
    ['white space in a value', '"x":[1, 2]'],
    ['an escaped slash', '"x":"a\\/b"'],
  ])('given %s, then the event is written anew', (_what, member) => {
    expect(textWith(member)).toBeUndefined();
  });

  it.each([
    ['members that are there twice: the last counts for both', '"x":1,"x":2'],
    ['a name that is a column, deeper down', '"x":{"type":"z"}'],
    ['quotes, braces and backslashes in texts', '"x":"}\\"],\\\\","y":"{"'],
    ['a list of everything', '"x":[true,false,null,"",0,-1,1.5,[],{}]'],
  ])('given %s, then the text is taken as it is', (_what, member) => {
    const text = textWith(member);
    expect(text && objectIn(text)).toContain(member);
  });

  it.each([
    ['a second id', '"eventId":"another"'],
    ['a second session', '"sessionId":"another"'],
  ])('given %s, then neither stays', (_what, member) => {
    const text = textWith(member);
    expect(text && objectIn(text)).not.toContain('Id":"another"');
  });

  it('given an event of an older version, then it is written anew', () => {
    const older = { ...started(story), v: 1 } as unknown as SparkEvent;
    expect(
      eventTextsOf(encodeLogMessage([older, started(story)]))?.map((text) => text !== undefined),
    ).toEqual([false, true]);
  });

  it.each([
    ['white space', ' {"v":1,"events":[]}'],
    ['white space inside', '{"v":1,"events":[{"v":2 ,"x":1}]}'],
    ['another order', '{"events":[],"v":1}'],
    ['an event that is none', '{"v":1,"events":[7]}'],
    ['a claim with more', '{"v":1,"x":0,"events":[]}'],
  ])('given a message with %s, then there are no texts', (_what, message) => {
    expect(eventTextsOf(Buffer.from(message))).toBeUndefined();
  });

  it('given bytes that are no UTF-8, then there are no texts', () => {
    const data = Buffer.from(encodeLogMessage([completed(story, { result: { text: 'abc' } })]));
    data[data.indexOf('abc')] = 0xff;
    expect(eventTextsOf(data)).toBeUndefined();
    expect(eventTextsOf(encodeLogMessage([]))).toEqual([]);
  });
});

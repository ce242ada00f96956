import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SseParser } from '../../src/cli/sse.js';

const STREAM =
  'retry: 1500\n: connected\n\nid: 1\nevent: a.started\ndata: {"x":1}\n\n: heartbeat\n\nid: 2\r\ndata: one\r\ndata: two\r\n\r\ndata\n\nevent: lonely\n\n';

describe('the event stream parser', () => {
  it('reads fields, joins data lines, keeps the last id, and leaves out comments and events without data', () => {
    expect(new SseParser().push(STREAM)).toEqual([
      { id: '1', event: 'a.started', data: '{"x":1}', retryMs: 1500 },
      { id: '2', event: 'message', data: 'one\ntwo', retryMs: 1500 },
      { id: '2', event: 'message', data: '', retryMs: 1500 },
    ]);
  });

  it('reads the same events however the stream is cut into pieces', () => {
    const whole = new SseParser().push(STREAM);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: STREAM.length }), { maxLength: 12 }), (cuts) => {
        const parser = new SseParser();
        const at = [0, ...cuts.sort((a, b) => a - b), STREAM.length];
        const events = at.slice(1).flatMap((end, index) => parser.push(STREAM.slice(at[index], end)));
        expect(events).toEqual(whole);
      }),
    );
  });

  it('given a line without an end, gives up instead of filling the memory', () => {
    const parser = new SseParser();
    const piece = 'x'.repeat(1_000_000);
    expect(() => {
      for (let at = 0; at < 10; at += 1) parser.push(piece);
    }).toThrow(RangeError);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SseParser } from '../../src/unity/sseParser.js';

function parse(chunks: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const parser = new SseParser((data) => seen.push(data));
  for (const chunk of chunks) parser.feed(chunk);
  parser.end();
  return seen;
}

describe('SseParser', () => {
  it('given comments, other fields, several data lines and CRLF, then each event has its joined data', () => {
    const stream =
      ': ping\r\n\r\nevent: message\r\nid: 1\r\ndata: {"a":\r\ndata:1}\r\n\r\ndata: two\n\nretry: 5\n\ndata\n\n';
    expect(parse([Buffer.from(stream)])).toEqual(['{"a":\n1}', 'two', '']);
  });

  it('given a last event without its blank line, then it still counts', () => {
    expect(parse([Buffer.from('data: x')])).toEqual(['x']);
  });

  it('given any cutting into chunks and any line ends, then the same events', () => {
    const payload = fc
      .array(fc.constantFrom('a', 'é', '🎮', ' ', ':', '"'), { maxLength: 8 })
      .map((all) => all.join(''));
    const event = fc.array(payload, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 4 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.nat(200), { maxLength: 12 }),
        (events, eol, cuts) => {
          const text = events
            .map((lines) => `event: x${eol}${lines.map((l) => `data: ${l}${eol}`).join('')}${eol}`)
            .join('');
          const bytes = Buffer.from(text);
          const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
          const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
          expect(parse(chunks)).toEqual(events.map((lines) => lines.join('\n')));
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

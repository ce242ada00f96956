import { describe, expect, it } from 'vitest';
import { CodecError, decodeMessage, encodeMessage } from '../../src/gate/codec.js';

const roundTrip = (value: unknown): unknown => decodeMessage(encodeMessage(value));

describe('a message of the gate', () => {
  it.each([
    ['nothing', null],
    ['texts as they are', { a: 'é🎮\u0000\ud83d', b: '' }],
    [
      'bytes at any place',
      { a: Buffer.from([0, 255, 1]), list: [{ b: Buffer.from('x') }, null, Buffer.alloc(0)] },
    ],
    ['bytes alone', Buffer.from('alone')],
    [
      'members that look like an envelope',
      { value: 1, bytes: [{ at: ['value'], length: 3 }], $bytes: [0, 1] },
    ],
    ['numbers and flags', [0, -1.5, 2 ** 53 - 1, true, false]],
  ])('carries %s', (_what, value) => {
    expect(roundTrip(value)).toEqual(value);
  });

  it('carries 10 MB and their neighbours byte for byte', () => {
    const bytes = Buffer.alloc(10 * 1024 * 1024, 'abcdefg');
    const { a, b } = roundTrip({ a: bytes, b: Buffer.from('b') }) as { a: Buffer; b: Buffer };
    expect(Buffer.compare(a, bytes)).toBe(0);
    expect(b.toString()).toBe('b');
  });

  it('leaves out what is undefined, and keeps a member named __proto__ a member', () => {
    const value = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}') as object;
    const back = roundTrip({ value, gone: undefined }) as { value: object };
    expect(Object.keys(back)).toEqual(['value']);
    expect(Object.keys(back.value)).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each([
    ['undefined in a list', [undefined]],
    ['no number', Number.NaN],
    ['infinity', { a: Number.POSITIVE_INFINITY }],
    ['a date', new Date(0)],
    ['a map', { a: new Map() }],
    ['a function', { a: () => 1 }],
    ['more nesting than anything has', JSON.parse('['.repeat(80) + ']'.repeat(80)) as unknown],
  ])('refuses to carry %s, which would arrive as something else', (_what, value) => {
    expect(() => encodeMessage(value)).toThrow(CodecError);
  });

  it.each([
    ['an empty one', Buffer.alloc(0)],
    ['one whose JSON is cut off', Buffer.concat([Buffer.from([0, 0, 0, 9]), Buffer.from('{}')])],
    ['no JSON', raw('{{{')],
    ['no envelope', raw('[]')],
    ['bytes that are missing', raw('{"value":null,"bytes":[{"at":[],"length":1}]}')],
    ['bytes of negative length', raw('{"value":null,"bytes":[{"at":[],"length":-1}]}')],
    ['bytes over a text', raw('{"value":{"a":"x"},"bytes":[{"at":["a"],"length":0}]}')],
    ['bytes in a prototype', raw('{"value":{},"bytes":[{"at":["__proto__","x"],"length":0}]}')],
    ['bytes in a place that is not there', raw('{"value":{},"bytes":[{"at":["a"],"length":0}]}')],
    ['bytes in a list that is too short', raw('{"value":[],"bytes":[{"at":["length"],"length":0}]}')],
    ['bytes that belong to nothing', Buffer.concat([raw('{"value":1,"bytes":[]}'), Buffer.from('x')])],
  ])('refuses %s', (_what, data) => {
    expect(() => decodeMessage(data)).toThrow(CodecError);
  });
});

function raw(json: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(Buffer.byteLength(json));
  return Buffer.concat([head, Buffer.from(json)]);
}

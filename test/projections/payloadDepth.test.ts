import { describe, expect, it } from 'vitest';
import { isTooDeep } from '../../src/projections/events/depth.js';

const bytes = (json: string): Uint8Array => Buffer.from(json);
const nested = (depth: number, inside = '1'): string => `${'['.repeat(depth)}${inside}${']'.repeat(depth)}`;

describe('the depth of a payload', () => {
  it('given 4,000 levels, then it is taken; given one more, then it is too deep', () => {
    expect(isTooDeep(bytes(nested(4_000)))).toBe(false);
    expect(isTooDeep(bytes(nested(4_001)))).toBe(true);
    expect(isTooDeep(bytes(`{"a":${nested(4_000)}}`))).toBe(true);
  });

  it('given brackets in texts or beside each other, then they are no depth', () => {
    expect(isTooDeep(bytes(JSON.stringify({ a: '['.repeat(9_000) })))).toBe(false);
    expect(isTooDeep(bytes(JSON.stringify({ a: '"\\"['.repeat(9_000) })))).toBe(false);
    expect(isTooDeep(bytes(`[${Array.from({ length: 9_000 }, () => '{}').join()}]`))).toBe(false);
  });

  it('given a part of a text, then that part counts', () => {
    const text = bytes(`{"x":1,"a":${nested(4_001)},"y":2}`);
    expect(isTooDeep(text, 1, text.length - 1)).toBe(true);
    expect(isTooDeep(text, 1, 7)).toBe(false);
  });
});

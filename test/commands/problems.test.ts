import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { problemsOf } from '../../src/commands/problems.js';

/** What each kind of mistake is told as. */
function told(schema: z.ZodType, value: unknown): [pointer: string, message: string][] {
  const parsed = schema.safeParse(value);
  if (parsed.success) throw new Error('nothing is wrong with it');
  return problemsOf(parsed.error, '/payload').map(({ pointer, message }) => [pointer, message]);
}

describe('the words of a problem', () => {
  const at = z.strictObject({ a: z.unknown() });
  it.each<[string, z.ZodType, unknown, string, string]>([
    ['a missing field of any type', at, {}, '/payload/a', 'is required'],
    ['a missing text', z.object({ a: z.string() }), {}, '/payload/a', 'is required'],
    ['a missing choice', z.object({ a: z.enum(['x', 'y']) }), {}, '/payload/a', 'must be one of x, y'],
    [
      'a wrong type',
      z.object({ a: z.array(z.int()) }),
      { a: 'x' },
      '/payload/a',
      'must be a list, not a text',
    ],
    ['null', z.string(), null, '/payload', 'must be a text, not null'],
    ['a list for an object', z.object({}), [], '/payload', 'must be an object, not a list'],
    ['a fraction', z.int(), 1.5, '/payload', 'must be a whole number, not a number'],
    ['too long a text', z.string().max(3), 'four', '/payload', 'must be at most 3 characters'],
    ['an empty list', z.array(z.int()).min(1), [], '/payload', 'must be at least 1 item'],
    ['a number that must be above', z.number().positive(), 0, '/payload', 'must be more than 0'],
    ['another word than the one', z.literal('x'), 'y', '/payload', 'must be x'],
    [
      'none of several forms',
      z.union([z.int(), z.string()]),
      {},
      '/payload',
      'fits none of the forms that are allowed here',
    ],
    ['a field nobody knows', at, { a: 1, b: 2 }, '/payload/b', 'unknown field; remove b'],
  ])('given %s, then they are for people', (_, schema, value, pointer, message) => {
    expect(told(schema, value)).toEqual([[pointer, message]]);
  });

  it('given words of our own, then they stay', () => {
    expect(told(z.string().regex(/^a/, 'must begin with a'), 'b')).toEqual([
      ['/payload', 'must begin with a'],
    ]);
  });
});

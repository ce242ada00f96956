import { describe, expect, it } from 'vitest';
import { isSameJson } from '../../simulation/checker/sameJson.js';

describe('sameness of two values as JSON', () => {
  const one = { a: [1, { b: null, c: 'x' }], d: true };

  it('given copies of plain data, then they are the same', () => {
    expect(isSameJson(one, structuredClone(one))).toBe(true);
    expect(isSameJson(one, one)).toBe(true);
  });

  it.each([
    ['another value deep inside', { a: [1, { b: null, c: 'y' }], d: true }],
    ['another order of members', { d: true, a: [1, { b: null, c: 'x' }] }],
    ['a member less', { a: [1, { b: null, c: 'x' }] }],
    ['a member more', { ...structuredClone(one), e: 0 }],
    ['a longer list', { a: [1, { b: null, c: 'x' }, 2], d: true }],
    ['a record in place of a list', { a: { 0: 1, 1: { b: null, c: 'x' } }, d: true }],
    ['a text in place of a number', { a: ['1', { b: null, c: 'x' }], d: true }],
    ['nothing at all', null],
  ])('given %s, then they are not, in either direction', (_, other) => {
    expect(isSameJson(one, other)).toBe(false);
    expect(isSameJson(other, one)).toBe(false);
  });

  it('given what is no plain data, then it does not say that they are the same, whatever they hold', () => {
    expect(isSameJson(new Date(0), new Date(1))).toBe(false);
    expect(isSameJson(new Set([1]), new Set([2]))).toBe(false);
    expect(isSameJson(new Map([[1, 1]]), new Map([[1, 2]]))).toBe(false);
    expect(isSameJson({ toJSON: () => 1 }, { toJSON: () => 2 })).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { strayBatches } from '../../src/workers/lanes/strayBatches.js';

const batch = (parkedSeq: number, epoch?: number, foundUpTo = 0) => ({
  parkedSeq,
  ...(epoch === undefined ? {} : { by: { epoch, foundUpTo } }),
});
const straysOf = (...batches: ReturnType<typeof batch>[]) => [...strayBatches(batches)];

describe('batches that were parked by an owner of before', () => {
  it('given one owner after the other, all of them count', () => {
    expect(straysOf(batch(1, 10), batch(2, 10), batch(3, 20, 2), batch(4, 30, 3))).toEqual([]);
  });

  it('given one that came after the next owner had looked, before or behind what that one parked, it counts for nothing', () => {
    expect(straysOf(batch(1, 10), batch(2, 10), batch(3, 20, 1), batch(4, 10))).toEqual([2, 4]);
  });

  it('given a next owner that parked nothing, what came late counts: nobody has stored anything else', () => {
    expect(straysOf(batch(1, 10), batch(2, 10))).toEqual([]);
  });

  it('given one that every later owner has found, it counts', () => {
    expect(straysOf(batch(1, 10), batch(2, 20, 1), batch(3, 30, 2))).toEqual([]);
  });

  it('given a mark that only a batch bears which came too late itself, it says nothing', () => {
    expect(straysOf(batch(1, 10), batch(2, 30, 1), batch(3, 20, 0))).toEqual([3]);
  });

  it('given batches of a build that did not say whose they are, they count: they may have been acknowledged', () => {
    expect(straysOf(batch(1), batch(2), batch(3, 20, 2))).toEqual([]);
    expect(straysOf(batch(1, 20, 0), batch(2), batch(3, 10), batch(4))).toEqual([3]);
  });
});

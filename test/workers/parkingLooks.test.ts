import { describe, expect, it } from 'vitest';
import { ParkingLooks } from '../../src/workers/ledger/parkingLooks.js';

const looks = (...told: [epoch: number, upTo: number][]): ParkingLooks => {
  const all = new ParkingLooks();
  for (const [epoch, upTo] of told) all.record(0, epoch, upTo);
  return all;
};
const batch = (parkedSeq: number, epoch?: number) => ({
  parkedSeq,
  ...(epoch === undefined ? {} : { epoch }),
});

describe('a batch of the parking', () => {
  it('given a later owner who saw it, counts; whatever those after that one saw', () => {
    const all = looks([10, 0], [20, 2], [30, 5]);
    expect([batch(1, 10), batch(2, 10), batch(5, 20)].map((one) => all.isStray(0, one))).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('given a next owner who had looked before it was stored, is a stray for all, also for those who see it now', () => {
    const all = looks([10, 0], [20, 2], [30, 5]);
    expect([batch(3, 10), batch(6, 20)].map((one) => all.isStray(0, one))).toEqual([true, true]);
  });

  it('given nobody later, counts', () => {
    expect(looks([10, 0], [20, 2]).isStray(0, batch(9, 20))).toBe(false);
    expect(looks().isStray(0, batch(9, 20))).toBe(false);
  });

  it('given another partition, is none of its owners business', () => {
    expect(looks([10, 0], [20, 2]).isStray(1, batch(3, 10))).toBe(false);
  });

  it('given no word on whose it is, counts: an earlier build may have acknowledged it', () => {
    expect(looks([10, 0]).isStray(0, batch(3))).toBe(false);
  });

  it('given a look that is told twice, as to a reader who begins again, knows it once', () => {
    const all = looks([10, 0], [20, 2], [20, 9]);
    expect(all.isStray(0, batch(3, 10))).toBe(true);
  });

  it('given very many owners, remembers the newest', () => {
    const all = looks(...Array.from({ length: 5_000 }, (_, n): [number, number] => [n + 1, n]));
    expect([all.isStray(0, batch(5_000, 4_000)), all.isStray(0, batch(500, 3))]).toEqual([true, false]);
  });
});

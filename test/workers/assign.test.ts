import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign } from '../../src/workers/fleet/assign.js';
import { decideMoves } from '../../src/workers/fleet/decideMoves.js';
import type { Member } from '../../src/workers/fleet/fleetPort.js';

const ids = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 12 });
const partitions = fc.integer({ min: 1, max: 64 });
const loads = (assigned: ReadonlyMap<number, string>, workers: readonly string[]): number[] =>
  workers.map((worker) => [...assigned.values()].filter((owner) => owner === worker).length);

describe('who owns what', () => {
  it('given any workers, each partition has one of them, evenly to one, and everybody computes the same', () => {
    fc.assert(
      fc.property(partitions, ids, (count, workers) => {
        const assigned = assign(count, workers);
        expect([...assigned.keys()]).toEqual(Array.from({ length: count }, (_, partition) => partition));
        const held = loads(assigned, workers);
        expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(1);
        expect([...assign(count, workers.toReversed())]).toEqual([...assigned]);
      }),
    );
  });

  it('given nobody, nobody owns anything', () => {
    expect(assign(4, []).size).toBe(0);
  });

  it('given a worker that comes, most partitions stay where they are', () => {
    const before = assign(64, ['a', 'b', 'c']);
    const after = assign(64, ['a', 'b', 'c', 'd']);
    const moved = [...before].filter(([partition, owner]) => after.get(partition) !== owner);
    expect(moved.length).toBeLessThan(40);
  });
});

const member = (
  workerId: string,
  owned: Record<string, number> = {},
  over: Partial<Member> = {},
): Member => ({
  workerId,
  gate: 'g',
  born: workerId.charCodeAt(0),
  ready: true,
  owned,
  ...over,
});
const moves = (me: string, ...members: Member[]) => decideMoves({ me, partitions: 4, members });

describe('what a worker does about it', () => {
  it('given it alone, takes all that it has not', () => {
    expect(moves('a', member('a', { 1: 5 }))).toMatchObject({ take: [0, 2, 3], give: [], lost: [] });
  });

  it('given what another holds, waits until that one has released it, and that one gives it away', () => {
    const [a, b] = [member('a', { 0: 1, 1: 2, 2: 3, 3: 4 }), member('b')];
    const own = [...assign(4, ['a', 'b'])].flatMap(([partition, worker]) =>
      worker === 'b' ? [partition] : [],
    );
    expect(own).toHaveLength(2);
    expect(moves('b', a, b)).toMatchObject({ take: [], give: [] });
    expect(moves('a', a, b)).toMatchObject({ take: [], give: own });
    const released = member(
      'a',
      Object.fromEntries(Object.entries(a.owned).filter(([p]) => !own.includes(Number(p)))),
    );
    expect(moves('b', released, b).take).toEqual(own);
  });

  it('given that it leaves, gives everything away and takes nothing', () => {
    expect(moves('a', member('a', { 0: 1, 2: 3 }, { ready: false }), member('b'))).toMatchObject({
      take: [],
      give: [0, 2],
    });
  });

  it('given somebody who has claimed later what it believes to hold, it is lost; the one who claimed earlier is not heeded', () => {
    const [a, b] = [member('a', { 0: 10 }), member('b', { 0: 20 })];
    expect(moves('a', a, b).lost).toEqual([0]);
    expect(moves('b', a, b).lost).toEqual([]);
  });

  it('given another gate than that of the oldest holder, stands by; once that one is gone, works', () => {
    const [a, b] = [member('a', { 0: 1 }), member('b', {}, { gate: 'h' })];
    expect(moves('b', a, b)).toMatchObject({ take: [], give: [], otherGate: 'g' });
    expect(moves('a', a, b)).toMatchObject({ take: [1, 2, 3], otherGate: undefined });
    expect(moves('b', b)).toMatchObject({ take: [0, 1, 2, 3], otherGate: undefined });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/workers/lanes/backoff.js';
import { InFlight } from '../../src/workers/lanes/inFlight.js';
import { KeyedMutex } from '../../src/workers/lanes/mutex.js';
import { DoneSet } from '../../src/workers/ledger/doneSet.js';
import { OwedLetters } from '../../src/workers/ledger/owedLetters.js';
import { RecentEnds } from '../../src/workers/ledger/recentEnds.js';
import { aCommand, aDelivery, inbound } from '../support/commandFixtures.js';
import { completed, failed, command as storyCommand } from '../support/story.js';

describe('which places have ended', () => {
  const position = fc
    .tuple(fc.integer({ min: 1, max: 200_000 }), fc.nat(4))
    .map(([seq, index]) => ({ partition: 0, seq, index: index % ((seq % 5) + 1), count: (seq % 5) + 1 }));

  it('is exact, whatever order they end in', () => {
    fc.assert(
      fc.property(
        fc.array(position, { maxLength: 80 }),
        fc.array(position, { maxLength: 40 }),
        (ended, others) => {
          const done = new DoneSet();
          for (const place of ended) done.add(place);
          const model = new Set(ended.map(({ seq, index }) => `${seq}.${index}`));
          for (const { seq, index } of [...ended, ...others])
            expect(done.has({ seq, index })).toBe(model.has(`${seq}.${index}`));
        },
      ),
    );
  });

  it('takes bits only where something is still open, however far behind the floor is', () => {
    const done = new DoneSet();
    const MESSAGES = 40 * 32_768;
    for (let seq = 32_768; seq < 32_768 + MESSAGES; seq++)
      done.add({ partition: 0, seq, index: 0, count: 1 });
    expect(done.bytes).toBe(0);
    const at = (seq: number) => done.has({ seq, index: 0 });
    expect([at(32_767), at(32_768), at(32_767 + MESSAGES), at(32_768 + MESSAGES)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
    done.add({ partition: 0, seq: 5, index: 0, count: 1 });
    done.add({ partition: 0, seq: 40_000, index: 3, count: 9 });
    expect(done.bytes).toBe(64);
    // Its block grows as far as the places that have ended.
    done.add({ partition: 0, seq: 32_700, index: 0, count: 1 });
    expect([done.bytes, at(5), at(32_700), at(32_699)]).toEqual([4_096, true, true, false]);
  });

  it('takes a bit an item for an envelope that has ended in part, and none for one that has ended', () => {
    const done = new DoneSet();
    const COUNT = 1_000;
    for (let index = 0; index < COUNT; index++) {
      expect(done.has({ seq: 7, index })).toBe(false);
      if (index > 0) expect(done.bytes).toBe(125);
      done.add({ partition: 0, seq: 7, index, count: COUNT });
      done.add({ partition: 0, seq: 7, index, count: COUNT });
      expect(done.has({ seq: 7, index })).toBe(true);
    }
    done.add({ partition: 0, seq: 7, index: 3, count: COUNT });
    expect([done.bytes, done.has({ seq: 7, index: COUNT - 1 })]).toEqual([64, true]);
  });

  it('below the floor may be forgotten; at and above it, never is', () => {
    fc.assert(
      fc.property(
        fc.array(position, { maxLength: 80 }),
        fc.integer({ min: 1, max: 200_000 }),
        (ended, floor) => {
          const done = new DoneSet();
          for (const place of ended) done.add(place);
          done.forgetBelow(floor);
          for (const { seq, index } of ended) if (seq >= floor) expect(done.has({ seq, index })).toBe(true);
        },
      ),
    );
  });

  it('far below the floor is forgotten', () => {
    const done = new DoneSet();
    done.add({ partition: 0, seq: 5, index: 0, count: 1 });
    done.add({ partition: 0, seq: 6, index: 1, count: 3 });
    done.forgetBelow(1_000_000);
    expect([done.has({ seq: 5, index: 0 }), done.has({ seq: 6, index: 1 })]).toEqual([false, false]);
  });
});

describe('what is in flight', () => {
  const held = () => {
    const loads: number[] = [];
    const inFlight: InFlight = new InFlight(() => loads.push(inFlight.commands));
    return { inFlight, loads };
  };
  const items = (seq: number, count: number) =>
    Array.from({ length: count }, (_, index) => inbound(aCommand({ seq, index, count })));

  it('acknowledges a message once its last item is settled, once', () => {
    const { inFlight, loads } = held();
    const delivery = aDelivery(1, items(1, 3));
    const [a, b, c] = inFlight.track(delivery);
    a?.settle();
    a?.settle();
    c?.settle();
    expect([delivery.acks(), inFlight.commands]).toEqual([0, 1]);
    b?.settle();
    b?.settle();
    expect([delivery.acks(), inFlight.commands]).toEqual([1, 0]);
    expect(loads).toEqual([2, 1, 0]);
  });

  it('given a redelivery, puts it in the place of the first: what is settled acknowledges the new one', () => {
    const { inFlight } = held();
    const [first, second] = [aDelivery(1, items(1, 2)), aDelivery(1, items(1, 2))];
    const [a, b] = inFlight.track(first);
    a?.settle();
    inFlight.track(second);
    expect(inFlight.commands).toBe(2);
    a?.settle();
    b?.settle();
    expect([first.acks(), second.acks(), inFlight.commands]).toEqual([0, 1, 0]);
  });

  it('keeps partitions apart, renews what it holds and forgets it without a word', () => {
    const { inFlight } = held();
    const [left, right] = [aDelivery(1, items(1, 1), 0), aDelivery(1, items(1, 1), 1)];
    const [a] = inFlight.track(left);
    inFlight.track(right);
    inFlight.heartbeat();
    expect([left.heartbeats(), right.heartbeats(), inFlight.commands]).toEqual([1, 1, 2]);
    inFlight.clear();
    a?.settle();
    expect([left.acks(), right.acks(), inFlight.commands]).toEqual([0, 0, 0]);
  });
});

describe('backoff', () => {
  it('doubles from its base to its ceiling, with full jitter, and never goes below the hint', () => {
    const limits = { maxAttempts: 9, baseMs: 250, maxMs: 30_000 };
    const attempt = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(
        attempt,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(60_000),
        (n, random, hintMs) => {
          const waitMs = backoffMs(n, limits, random, hintMs);
          expect(waitMs).toBeGreaterThanOrEqual(hintMs);
          expect(waitMs).toBeLessThanOrEqual(Math.max(hintMs, Math.min(30_000, 250 * 2 ** (n - 1))));
          expect(Number.isInteger(waitMs)).toBe(true);
        },
      ),
    );
    expect([1, 2, 3, 20].map((n) => backoffMs(n, limits, 0.999999))).toEqual([250, 500, 1_000, 30_000]);
    expect(backoffMs(5, limits, 0)).toBe(0);
  });
});

describe('what is remembered of ends', () => {
  const story = storyCommand();
  const end = (seq: number) => ({
    ...failed(story, 'failed'),
    commandId: `c${seq}`,
    position: { partition: 0, seq, index: 0, count: 1 },
  });

  it('for questions: how each was; the oldest go first', () => {
    const ends = new RecentEnds();
    for (let seq = 0; seq <= 10_000; seq++) ends.record(end(seq));
    expect(ends.find('c0')).toBeUndefined();
    expect(ends.find('c10000')).toMatchObject({
      state: 'failed',
      attempts: 1,
      outcome: { error: { code: 'code_failed' } },
    });
    ends.record(completed(story));
    expect(ends.find(story.commandId)).toMatchObject({
      state: 'completed',
      outcome: { result: { path: 'Assets/Player.cs' } },
    });
  });

  it('for dead letters: what is owed until it is paid; the oldest go first', () => {
    const owed = new OwedLetters();
    for (let seq = 0; seq <= 10_000; seq++) owed.owe(end(seq));
    expect([owed.get({ seq: 0, index: 0 }), owed.get({ seq: 1, index: 1 })]).toEqual([undefined, undefined]);
    expect(owed.get({ seq: 1, index: 0 })?.commandId).toBe('c1');
    owed.paid({ seq: 1, index: 0 });
    expect(owed.get({ seq: 1, index: 0 })).toBeUndefined();
  });
});

describe('the mutex', () => {
  it('lets one in at a time per key, in order, whatever fails, and keeps keys apart', async () => {
    const mutex = new KeyedMutex();
    const story: string[] = [];
    const work =
      (name: string, fail = false) =>
      async () => {
        story.push(`+${name}`);
        await Promise.resolve();
        story.push(`-${name}`);
        if (fail) throw new Error(name);
        return name;
      };
    const results = await Promise.allSettled([
      mutex.run('k', work('a', true)),
      mutex.run('k', work('b')),
      mutex.run('other', work('x')),
      mutex.run('k', work('c')),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    expect(story.filter((entry) => !entry.endsWith('x'))).toEqual(['+a', '-a', '+b', '-b', '+c', '-c']);
    expect(story.indexOf('+x')).toBeLessThan(story.indexOf('-a') + 1);
  });
});

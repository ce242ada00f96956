import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Retry } from '../../src/resilience/retry.js';
import { AutoClock } from '../support/autoClock.js';

const never = new AbortController().signal;
const retryOf = (clock: AutoClock, random: () => number, maxAttempts = 3) =>
  new Retry({ clock, maxAttempts, baseMs: 200, maxMs: 2_000, random });

describe('retry with backoff', () => {
  it('given answers worth another try, it tries as often as allowed and returns the last', async () => {
    const clock = new AutoClock();
    const attempts: number[] = [];
    const answer = await retryOf(clock, () => 0.5).execute(
      async (_signal, attempt) => {
        attempts.push(attempt);
        return `failed ${attempt}`;
      },
      never,
      () => true,
    );
    expect(answer).toBe('failed 3');
    expect(attempts).toEqual([1, 2, 3]);
    expect(clock.slept, 'half of 200 and of 400 ms').toEqual([100, 200]);
  });

  it('given an answer that is final, it asks once', async () => {
    const clock = new AutoClock();
    expect(
      await retryOf(clock, () => 0.5).execute(
        async () => 'good',
        never,
        () => false,
      ),
    ).toBe('good');
    expect(clock.slept).toEqual([]);
  });

  it('draws each pause from the whole range below the exponential ceiling', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 0.999_999, noNaN: true }), { minLength: 7, maxLength: 7 }),
        async (draws) => {
          const clock = new AutoClock();
          let draw = 0;
          await retryOf(clock, () => draws[draw++] ?? 0, 8).execute(
            async () => 'no',
            never,
            () => true,
          );
          const ceilings = [200, 400, 800, 1_600, 2_000, 2_000, 2_000];
          expect(clock.slept).toEqual(ceilings.map((ceiling, at) => Math.round(ceiling * (draws[at] ?? 0))));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('given an abort during a pause, it ends with the reason and does not try again', async () => {
    const clock = new AutoClock();
    const caller = new AbortController();
    const reason = new Error('gone');
    let attempts = 0;
    const going = retryOf(clock, () => 0.5).execute(
      async () => {
        attempts++;
        queueMicrotask(() => caller.abort(reason));
        return 'failed';
      },
      caller.signal,
      () => true,
    );
    await expect(going).rejects.toBe(reason);
    expect(attempts).toBe(1);
  });
});

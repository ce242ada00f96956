import { describe, expect, it } from 'vitest';
import { Bulkhead, BulkheadFullError } from '../../src/resilience/bulkhead.js';

const never = new AbortController().signal;

/** Calls that end when the test says so. */
function gated(bulkhead: Bulkhead) {
  const ends: (() => void)[] = [];
  let running = 0;
  let most = 0;
  const call = (signal = never) =>
    bulkhead.execute(async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => ends.push(resolve));
      running--;
      return 'done';
    }, signal);
  return { ends, call, most: () => most };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a bulkhead', () => {
  it('runs so many calls at once, the others after them, and refuses what neither runs nor may wait', async () => {
    const { ends, call, most } = gated(new Bulkhead({ maxConcurrentCalls: 2, maxQueuedCalls: 1 }));
    const calls = [call(), call(), call()];
    await expect(call()).rejects.toBeInstanceOf(BulkheadFullError);
    await turn();
    expect(ends).toHaveLength(2);
    ends[0]?.();
    await turn();
    expect(ends, 'the one that waited has begun').toHaveLength(3);
    for (const end of ends) end();
    expect(await Promise.all(calls)).toEqual(['done', 'done', 'done']);
    expect(most()).toBe(2);
  });

  it('given a caller who gives up while waiting, it is told at once, and its call is never made', async () => {
    const { ends, call } = gated(new Bulkhead({ maxConcurrentCalls: 1, maxQueuedCalls: 1 }));
    const first = call();
    const caller = new AbortController();
    const second = call(caller.signal);
    caller.abort();
    await expect(second).rejects.toBe(caller.signal.reason);
    ends[0]?.();
    await first;
    await turn();
    expect(ends).toHaveLength(1);
  });

  it('given a call that throws, its place is free again', async () => {
    const bulkhead = new Bulkhead({ maxConcurrentCalls: 1, maxQueuedCalls: 0 });
    await expect(bulkhead.execute(() => Promise.reject(new Error('broken')), never)).rejects.toThrow(
      'broken',
    );
    expect(await bulkhead.execute(async () => 'next', never)).toBe('next');
  });
});

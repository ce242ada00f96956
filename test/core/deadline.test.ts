import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { deadline } from '../../src/core/deadline.js';

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve());
  });

describe('a deadline', () => {
  it('given the time is over, aborts and says so', async () => {
    const limit = deadline(systemClock, 10);
    await aborted(limit.signal);
    expect(limit.expired()).toBe(true);
  });

  it('given a source aborts first, aborts and says that it was not the time', async () => {
    const source = new AbortController();
    const limit = deadline(systemClock, 60_000, source.signal);
    source.abort();
    await aborted(limit.signal);
    expect(limit.expired()).toBe(false);
    limit.clear();
  });

  it('given a source that is aborted already, is aborted from the start', () => {
    const limit = deadline(systemClock, 60_000, AbortSignal.abort());
    expect(limit.signal.aborted).toBe(true);
    limit.clear();
  });

  it('given it is cleared, never aborts', async () => {
    const limit = deadline(systemClock, 10);
    limit.clear();
    await systemClock.sleep(30);
    expect(limit.signal.aborted).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { HTTP_LIMITS } from '../../src/http/limits.js';
import { watchPace } from '../../src/http/watchPace.js';
import { AutoClock, eventually } from '../support/autoClock.js';

const { paceWindowMs, paceWindowBytes } = HTTP_LIMITS;

/** What has moved at the end of each window; how long until it was too slow. */
async function cutAfterMs(...moved: readonly number[]): Promise<number> {
  const clock = new AutoClock();
  const startMs = clock.monotonicMs();
  let cut = false;
  watchPace(
    clock,
    () => moved[(clock.monotonicMs() - startMs) / paceWindowMs - 1] ?? 0,
    () => {
      cut = true;
    },
  );
  await eventually(() => cut, 'the cut');
  return clock.monotonicMs() - startMs;
}

describe('the pace of a body', () => {
  it('given 16 KB/s, then it is let be; given a byte less in a window, whatever came before, it is cut at the end of that', async () => {
    expect(await cutAfterMs(paceWindowBytes - 1)).toBe(paceWindowMs);
    expect(await cutAfterMs(paceWindowBytes, 2 * paceWindowBytes - 1)).toBe(2 * paceWindowMs);
    expect(await cutAfterMs(1_000 * paceWindowBytes, 1_001 * paceWindowBytes, 1_001 * paceWindowBytes)).toBe(
      3 * paceWindowMs,
    );
  });

  it('given a body that has ended, then nothing is cut', async () => {
    const clock = new AutoClock();
    let cut = 0;
    const stop = watchPace(
      clock,
      () => 0,
      () => cut++,
    );
    stop();
    await clock.sleep(2 * paceWindowMs);
    expect(cut).toBe(0);
  });
});

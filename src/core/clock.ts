import { setTimeout as delay } from 'node:timers/promises';

/** Time as an argument: production passes `systemClock`, tests a virtual one. All times are epoch milliseconds. */
export interface Clock {
  /** Wall clock, for timestamps people read and for deadlines they set. */
  nowMs(): number;
  /** Monotonic, for durations: never jumps with the wall clock. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal ? { signal } : {});
  },
};

/** Like `clock.sleep`, but an abort simply ends the wait: for loops that check their signal themselves. */
export async function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}

/** Calls `tick` every `ms` until the returned stop is called; never keeps the process alive, never overlaps an async tick. */
export function every(
  ms: number,
  tick: () => void | Promise<void>,
  onError: (error: unknown) => void,
): () => void {
  let busy = false;
  const wait = async (ticking: Promise<void>): Promise<void> => {
    busy = true;
    try {
      await ticking;
    } catch (error) {
      onError(error);
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => {
    if (busy) return;
    try {
      const ticking = tick();
      // Most ticks are done when they return: nothing is waited for then.
      if (ticking) void wait(ticking);
    } catch (error) {
      onError(error);
    }
  }, ms);
  timer.unref();
  return () => clearInterval(timer);
}

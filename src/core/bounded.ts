import { type Clock, pause } from './clock.js';

/**
 * Waits for a piece of a shutdown, at most `limitMs`, and never fails: a server that is away must not keep a process from stopping.
 * Resolves true when the work ended well in time.
 */
export async function bounded(
  clock: Clock,
  limitMs: number,
  work: Promise<unknown> | undefined,
): Promise<boolean> {
  const over = new AbortController();
  const ended = Promise.resolve(work).then(
    () => true,
    () => false,
  );
  const inTime = await Promise.race([ended, pause(clock, limitMs, over.signal).then(() => false)]);
  over.abort();
  return inTime;
}

import { type Clock, pause } from '../core/clock.js';
import { HTTP_LIMITS } from './limits.js';

/**
 * Calls `tooSlow` once when fewer than `paceWindowBytes` have moved within a `paceWindowMs`, by `moved` (bytes so far); the first window
 * is the grace. Returns the stop.
 */
export function watchPace(clock: Clock, moved: () => number, tooSlow: () => void): () => void {
  const over = new AbortController();
  void (async () => {
    for (let before = moved(); ; before = moved()) {
      await pause(clock, HTTP_LIMITS.paceWindowMs, over.signal);
      if (over.signal.aborted) return;
      if (moved() - before < HTTP_LIMITS.paceWindowBytes) return tooSlow();
    }
  })();
  return () => over.abort();
}

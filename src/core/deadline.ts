import { type Clock, pause } from './clock.js';

/**
 * A signal that aborts after `ms`, or when one of `sources` does. Call `clear` when what it guards has ended.
 *
 * Instead of `AbortSignal.any([…, AbortSignal.timeout(ms)])`: on Node 20 the composite holds its sources weakly, so a garbage collection
 * takes the timeout with it and it never fires (seen: a wait of 20 s that lasted ten minutes).
 */
export function deadline(
  clock: Clock,
  ms: number,
  ...sources: readonly AbortSignal[]
): { readonly signal: AbortSignal; readonly expired: () => boolean; clear(): void } {
  const controller = new AbortController();
  const cleared = new AbortController();
  let expired = false;
  const stop = () => controller.abort();
  for (const source of sources) {
    if (source.aborted) controller.abort();
    else source.addEventListener('abort', stop, { once: true, signal: cleared.signal });
  }
  void pause(clock, ms, cleared.signal).then(() => {
    if (cleared.signal.aborted) return;
    expired = true;
    controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
  });
  return { signal: controller.signal, expired: () => expired, clear: () => cleared.abort() };
}

import type { Clock } from '../core/clock.js';

/** A second Ctrl-C this soon is the same one: terminals and wrappers send it twice. */
const SAME_SIGNAL_MS = 1_000;

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP. A later one (after a second) forces the exit: the daemons' watchers clean up.
 */
export function firstSignal(clock: Clock, onForced: () => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    const hear = (signal: NodeJS.Signals) => {
      if (firstMs === undefined) {
        firstMs = clock.monotonicMs();
        resolve(signal);
      } else if (clock.monotonicMs() - firstMs > SAME_SIGNAL_MS) {
        onForced();
        process.exit(1);
      }
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, hear);
  });
}

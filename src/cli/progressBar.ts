import { Presets, SingleBar } from 'cli-progress';
import type { CliHost } from './host.js';

const LINE_EVERY_MS = 1_000;

/** Progress of work whose end is not known beforehand. */
export interface ProgressBar {
  update(done: number, refused: number): void;
  stop(): void;
}

/** On a terminal a counter drawn in place; elsewhere a plain line at most every second; nothing with --json. */
export function progressBar(host: CliHost, quiet: boolean): ProgressBar {
  if (quiet) return { update: () => undefined, stop: () => undefined };
  if (host.terminal) {
    const bar = new SingleBar(
      { format: 'submitted {value} | refused {refused} | {duration_formatted}', stream: process.stderr },
      Presets.shades_classic,
    );
    bar.start(0, 0, { refused: 0 });
    return { update: (done, refused) => bar.update(done, { refused }), stop: () => bar.stop() };
  }
  let toldMs = host.clock.monotonicMs();
  return {
    update: (done, refused) => {
      const nowMs = host.clock.monotonicMs();
      if (nowMs - toldMs < LINE_EVERY_MS) return;
      toldMs = nowMs;
      host.err(`submitted ${done}, refused ${refused}\n`);
    },
    stop: () => undefined,
  };
}

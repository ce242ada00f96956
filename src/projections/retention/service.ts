import { pause } from '../../core/clock.js';
import type { Service } from '../../core/service.js';
import { type RetentionOptions, type RetentionReport, runRetention } from './run.js';

export interface RetentionServiceOptions extends Omit<RetentionOptions, 'signal'> {
  readonly everyMs: number;
  /** After each run of this process (another's runs are another's to tell). */
  readonly onRun: (report: RetentionReport) => void;
  /** A run failed; the next one goes on from what it has done. */
  readonly onError: (error: unknown) => void;
}

/** Runs retention every few minutes, the first time at the start. With no limit set it does nothing at all. */
export function createRetention(options: RetentionServiceOptions): Service {
  const { limits, clock, everyMs } = options;
  const wanted = limits.detailDays > 0 || limits.rollupDays > 0 || limits.maxBytes > 0;
  let stopping: AbortController | undefined;
  let running: Promise<void> | undefined;
  const run = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        const report = await runRetention({ ...options, signal });
        if (report) options.onRun(report);
      } catch (error) {
        if (!signal.aborted) options.onError(error);
      }
      await pause(clock, everyMs, signal);
    }
  };
  return {
    name: 'retention',
    start: async () => {
      if (!wanted || running) return;
      stopping = new AbortController();
      running = run(stopping.signal);
    },
    stop: async () => {
      stopping?.abort();
      await running;
      running = undefined;
    },
  };
}

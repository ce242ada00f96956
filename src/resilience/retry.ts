import type { Clock } from '../core/clock.js';

export interface RetryPolicyOptions {
  readonly clock: Clock;
  /** The first included. */
  readonly maxAttempts: number;
  readonly baseMs: number;
  readonly maxMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/**
 * Calls again what `again` says is worth it, after an exponential backoff with full jitter: each pause is drawn from [0, base · 2ⁿ), so
 * that many callers that failed together do not come back together. The last answer is returned as it is.
 */
export class Retry {
  readonly #options: RetryPolicyOptions;

  constructor(options: RetryPolicyOptions) {
    this.#options = options;
  }

  /** `fn` gets the attempt's number, 1-based. What it throws is thrown on: failures worth another try are answers. */
  async execute<T>(
    fn: (signal: AbortSignal, attempt: number) => Promise<T>,
    signal: AbortSignal,
    again: (answer: T) => boolean,
  ): Promise<T> {
    const { clock, maxAttempts } = this.#options;
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      const answer = await fn(signal, attempt);
      if (attempt >= maxAttempts || !again(answer)) return answer;
      await clock.sleep(this.#pauseMs(attempt), signal);
    }
  }

  #pauseMs(attempt: number): number {
    const { baseMs, maxMs, random } = this.#options;
    return Math.round(Math.min(maxMs, baseMs * 2 ** (attempt - 1)) * random());
  }
}

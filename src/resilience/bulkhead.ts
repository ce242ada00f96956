import { type BulkheadPolicy, BulkheadRejectedError, bulkhead } from 'cockatiel';
import { SparkError } from '../core/errors.js';

export interface BulkheadLimits {
  readonly maxConcurrentCalls: number;
  readonly maxQueuedCalls: number;
}

/** As many calls run and wait as may: this one was not begun. */
export class BulkheadFullError extends SparkError {
  readonly code = 'bulkhead_full';
}

/** At most so many calls at once to one endpoint; a bounded queue behind them, left at once by whoever aborts. */
export class Bulkhead {
  readonly #policy: BulkheadPolicy;
  readonly #limits: BulkheadLimits;

  constructor(limits: BulkheadLimits) {
    this.#limits = limits;
    this.#policy = bulkhead(limits.maxConcurrentCalls, limits.maxQueuedCalls);
  }

  /** Throws `BulkheadFullError`, or the signal's reason when it aborts while waiting. */
  async execute<T>(fn: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    // cockatiel would look at the signal only when the call's turn comes, which may be long after.
    const left = new AbortController();
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: left.signal });
    });
    const ended = this.#policy.execute(() => fn(signal), signal);
    try {
      return await Promise.race([ended, aborted]);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BulkheadRejectedError) throw this.#full(error);
      throw error;
    } finally {
      left.abort();
      ended.catch(() => undefined);
    }
  }

  #full(cause: unknown): BulkheadFullError {
    const { maxConcurrentCalls, maxQueuedCalls } = this.#limits;
    return new BulkheadFullError(`${maxConcurrentCalls} calls run and ${maxQueuedCalls} wait already`, {
      cause,
    });
  }
}

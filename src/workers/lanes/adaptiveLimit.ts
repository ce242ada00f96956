export interface AdaptiveLimitOptions {
  /** At least 1. */
  readonly max: number;
  /** How long what is taken may wait in memory, going by what is finished: Little's law. */
  readonly targetQueueMs: number;
}

export interface Observation {
  /** Commands that ended since the last observation. */
  readonly completed: number;
  readonly elapsedMs: number;
  /** The limit was met: more could have been taken. Otherwise what ended says nothing about what could have. */
  readonly limited: boolean;
  /** What is allowed however slow the editors are. */
  readonly floor: number;
}

/** Weight of the newest observation in the rate. */
const SMOOTHING = 0.4;
const GROWTH_MAX = 2;
const SHRINK_MIN = 0.7;

/**
 * How many commands may be in flight: what the editors finish within the target time, between 1 and the maximum. It begins at the
 * maximum, moves only while it is met, at most doubles a step and never falls below 0.7 of what it was, so an editor that becomes fast
 * is at the maximum after log2(max) steps.
 */
export class AdaptiveLimit {
  readonly #options: AdaptiveLimitOptions;
  #limit: number;
  #perMs: number | undefined;

  constructor(options: AdaptiveLimitOptions) {
    this.#options = options;
    this.#limit = Math.max(1, options.max);
  }

  get value(): number {
    return Math.max(1, Math.round(this.#limit));
  }

  observe({ completed, elapsedMs, limited, floor }: Observation): number {
    if (limited && elapsedMs > 0) {
      const { max, targetQueueMs } = this.#options;
      const perMs = completed / elapsedMs;
      this.#perMs = this.#perMs === undefined ? perMs : this.#perMs + SMOOTHING * (perMs - this.#perMs);
      const sustained = this.#perMs * targetQueueMs;
      const wanted = Math.min(Math.max(sustained, this.#limit * SHRINK_MIN), this.#limit * GROWTH_MAX);
      this.#limit = Math.min(Math.max(1, max), Math.max(1, floor, wanted));
    }
    // What was finished before a pause in the demand says nothing about the editors of now.
    else this.#perMs = undefined;
    return this.value;
  }
}

import type { Clock } from '../core/clock.js';

/** A flush costs about the same whatever is in it, so under load they are spaced; an idle projector flushes at once. */
const REFILL_MS = 50;
const BURST = 4;

/** A token bucket of flushes: four at once after a pause, twenty a second in the long run. */
export class FlushPace {
  readonly #clock: Clock;
  #tokens = BURST;
  #filledAtMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#filledAtMs = clock.monotonicMs();
  }

  /** How long to wait until the next flush is due; 0: now. */
  waitMs(): number {
    this.#refill();
    return this.#tokens >= 1 ? 0 : Math.max(1, this.#filledAtMs + REFILL_MS - this.#clock.monotonicMs());
  }

  /** A flush begins. */
  spend(): void {
    this.#refill();
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  #refill(): void {
    const now = this.#clock.monotonicMs();
    const due = Math.floor((now - this.#filledAtMs) / REFILL_MS);
    if (due <= 0) return;
    this.#tokens = Math.min(BURST, this.#tokens + due);
    this.#filledAtMs += due * REFILL_MS;
  }
}

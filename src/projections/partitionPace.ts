import { Hysteresis } from '../core/hysteresis.js';
import type { PartitionStep } from '../postgres/partitions.js';

/** A day of this many events a second is 86 million rows a table: too many to drop, to vacuum or to search at once. */
export const HOUR_ABOVE_EVENTS_PER_S = 1_000;
/** The rate is that of at least so much time of the log: a burst of a minute is no reason to change. */
const WINDOW_MS = 300_000;

/**
 * Day or hour, by how many events a second the log itself holds (by its own times, so that a catch-up at full speed counts as what it
 * was). Back to days only at half the mark: a rate that swings around it does not make the partitions swing.
 */
export class PartitionPace {
  readonly #mark: Hysteresis;
  readonly #windowMs: number;
  /** The events counted are of after this time. */
  #sinceMs: number | undefined;
  #events = 0;

  constructor(
    first: PartitionStep,
    hourAboveEventsPerS: number = HOUR_ABOVE_EVENTS_PER_S,
    windowMs: number = WINDOW_MS,
  ) {
    this.#mark = new Hysteresis(hourAboveEventsPerS, hourAboveEventsPerS / 2);
    this.#windowMs = windowMs;
    if (first === 'hour') this.#mark.update(hourAboveEventsPerS);
  }

  get step(): PartitionStep {
    return this.#mark.engaged ? 'hour' : 'day';
  }

  /** A batch of so many events, the newest of them of this time (epoch ms). */
  add(events: number, newestTsMs: number): void {
    this.#events += events;
    // How long the first batch took to come about, nobody knows.
    if (this.#sinceMs === undefined) this.#begin(newestTsMs);
    else if (newestTsMs - this.#sinceMs >= this.#windowMs) {
      this.#mark.update((this.#events * 1_000) / (newestTsMs - this.#sinceMs));
      this.#begin(newestTsMs);
    }
  }

  #begin(sinceMs: number): void {
    this.#sinceMs = sinceMs;
    this.#events = 0;
  }
}

import type { NatsConnection } from 'nats';
import { type Clock, pause } from '../core/clock.js';
import { STREAMS } from './topology.js';

const RETRY_MS = 50;
/** A refusal that is due to an append under way ends with it, within the client's own timeout. */
const PATIENCE_MS = 3_000;
const STEP_DOWN_TIMEOUT_MS = 2_000;

/**
 * Appends with the right expected sequence that are refused all the same. In a cluster the leader keeps count of what it has proposed and not
 * stored; what was lost with a server that died in the middle may stay in that count, and then every append to that partition is
 * refused (10164) for as long as that leader leads. Seen in a chaos run: two partitions stood still for good. Another leader counts anew.
 */
export class LogJam {
  readonly #nc: NatsConnection;
  readonly #clock: Clock;
  #sinceMs: number | undefined;
  #at = -1;

  constructor(nc: NatsConnection, clock: Clock) {
    this.#nc = nc;
    this.#clock = clock;
  }

  /** Waits a moment after a refusal with the log at `place`; asks the leader to step down when that has been so for long. */
  async refusedAt(place: number, signal?: AbortSignal): Promise<void> {
    if (place !== this.#at) {
      this.#at = place;
      this.#sinceMs = this.#clock.monotonicMs();
    }
    if (this.#clock.monotonicMs() - (this.#sinceMs ?? 0) > PATIENCE_MS) {
      this.#sinceMs = this.#clock.monotonicMs();
      await this.#nc
        .request(STEP_DOWN, '', { timeout: STEP_DOWN_TIMEOUT_MS })
        // A server that stands alone has no such thing, and no such trouble.
        .catch(() => undefined);
    }
    await pause(this.#clock, RETRY_MS, signal);
  }

  /** An append went through. */
  clear(): void {
    this.#at = -1;
  }
}

/** What a worker may ask of the log's leader. */
export const STEP_DOWN = `$JS.API.STREAM.LEADER.STEPDOWN.${STREAMS.log}`;

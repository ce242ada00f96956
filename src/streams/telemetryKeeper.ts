import { bounded } from '../core/bounded.js';
import { type Clock, pause } from '../core/clock.js';
import type { NatsConnection } from './connection.js';
import { restoreTelemetry } from './provision.js';
import { isServerVerdict } from './publish.js';
import type { TopologyLimits } from './topology.js';

/** Between two looks when nobody could answer: JetStream is starting, the one server that has it is away. */
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;
/** A stop does not wait for a server that is away: a look under way ends by itself. */
const STOP_PATIENCE_MS = 1_000;

export interface TelemetryKeeperOptions {
  /** A connection that may make streams (`admin`); closed after each look. */
  readonly connect: () => Promise<NatsConnection>;
  readonly limits: TopologyLimits;
  readonly clock: Clock;
  /** The stream was missing and is there again. */
  readonly restored: () => void;
  /** The server will not have it: not tried again before the next reconnect. */
  readonly refused: (error: unknown) => void;
}

/**
 * Sees to it that frames and ticks find their stream again after the server has lost it. Without it they still reach whoever listens, and
 * nobody who looks later, until some process of SPARK happens to be started. Call `look` after each reconnect: a restart of the server ends
 * every connection.
 */
export class TelemetryKeeper {
  readonly #options: TelemetryKeeperOptions;
  readonly #abort = new AbortController();
  #looking: Promise<void> | undefined;
  #lookAgain = false;

  constructor(options: TelemetryKeeperOptions) {
    this.#options = options;
  }

  /** Looks once, in the background; of many calls during one look, once more. */
  look(): void {
    this.#lookAgain = true;
    this.#looking ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await bounded(this.#options.clock, STOP_PATIENCE_MS, this.#looking);
  }

  async #run(): Promise<void> {
    const { clock, refused } = this.#options;
    const { signal } = this.#abort;
    for (let waitMs = FIRST_RETRY_MS; this.#lookAgain && !signal.aborted; ) {
      this.#lookAgain = false;
      try {
        await this.#lookOnce();
        waitMs = FIRST_RETRY_MS;
      } catch (error) {
        if (isServerVerdict(error)) {
          refused(error);
          continue;
        }
        this.#lookAgain = true;
        await pause(clock, waitMs, signal);
        waitMs = Math.min(waitMs * 2, MAX_RETRY_MS);
      }
    }
    // In the same breath as the last question whether to look again: who asks after it begins anew.
    this.#looking = undefined;
  }

  async #lookOnce(): Promise<void> {
    const { connect, limits, restored } = this.#options;
    const nc = await connect();
    try {
      if (await restoreTelemetry(nc, limits)) restored();
    } finally {
      await nc.close();
    }
  }
}

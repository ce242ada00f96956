import { type Clock, pause } from '../core/clock.js';
import type { Service } from '../core/service.js';
import { isFatal } from './errors.js';

const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 5_000;

/** `waiting`: another process has the place. `retrying`: Postgres or the stream is away. `failed`: somebody has to decide. */
export const SERVICE_STATES = ['stopped', 'connecting', 'waiting', 'working', 'retrying', 'failed'] as const;
export type ServiceState = (typeof SERVICE_STATES)[number];

export interface PersistentOptions {
  readonly name: string;
  readonly clock: Clock;
  /** Works until the signal aborts; tells each time its state changes. Whatever it throws ends it, and a new one begins. */
  readonly session: (signal: AbortSignal, tell: (state: 'waiting' | 'working') => void) => Promise<void>;
  /** Something failed and will be tried again. */
  readonly onError: (error: unknown) => void;
  /** The service stopped by itself for good: no retry can cure it. */
  readonly onFatal: (error: unknown) => void;
  /** It is in this state now; it may have been before. */
  readonly onState?: ((state: ServiceState) => void) | undefined;
}

/**
 * Runs sessions one after the other for as long as it takes, with exponential backoff and jitter in between. Nothing is carried
 * from one session to the next: each begins at its checkpoint, so no failure can leave a half-applied state behind.
 */
export class PersistentService implements Service {
  readonly name: string;
  readonly #options: PersistentOptions;
  #stop: AbortController | undefined;
  #running: Promise<void> | undefined;
  #settled: (() => void) | undefined;
  #failure: unknown;
  state: ServiceState = 'stopped';

  constructor(options: PersistentOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Resolves when it works, waits for its place, or has begun to retry; rejects when it cannot work at all. Idempotent. */
  async start(): Promise<void> {
    if (this.#running === undefined) {
      this.#stop = new AbortController();
      this.#failure = undefined;
      this.state = 'connecting';
      const settled = new Promise<void>((resolve) => {
        this.#settled = resolve;
      });
      this.#running = this.#run(this.#stop.signal);
      await settled;
    }
    if (this.state === 'failed') throw this.#failure;
  }

  /** Ends the session and waits for it. Idempotent. */
  async stop(): Promise<void> {
    this.#stop?.abort();
    await this.#running;
    this.#running = undefined;
    this.#enter('stopped');
  }

  async #run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#options.session(signal, (state) => {
          failures = 0;
          this.#enter(state);
        });
      } catch (error) {
        if (signal.aborted) return;
        if (isFatal(error)) {
          this.#fail(error);
          return;
        }
        this.#enter('retrying');
        this.#options.onError(error);
        await pause(this.#options.clock, backoffMs(failures++, Math.random()), signal);
      }
    }
  }

  #fail(error: unknown): void {
    const starting = this.state === 'connecting';
    this.#failure = error;
    this.#enter('failed');
    if (!starting) this.#options.onFatal(error);
  }

  #enter(state: ServiceState): void {
    this.state = state;
    this.#options.onState?.(state);
    this.#settled?.();
  }
}

/** Pure: doubles from 100 ms to 5 s; `random` in [0, 1) takes away up to half, so that many do not return at once. */
export function backoffMs(failures: number, random: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(failures, 16)) * (1 - random / 2);
}

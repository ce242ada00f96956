import { ConsecutiveBreaker, CountBreaker, type IBreaker } from 'cockatiel';
import type { Clock } from '../core/clock.js';
import { SparkError } from '../core/errors.js';

/** As `spark_circuit_state` shows it: 0, 1, 2 in this order. */
export type CircuitState = 'closed' | 'half_open' | 'open';

/** When a circuit opens, and how soon it lets one call through to look again. */
export interface CircuitLimits {
  /** Failures in a row that open it. */
  readonly consecutiveFailures: number;
  /** Or this share of failures, in (0, 1), among the last `windowCalls`. */
  readonly failureRatio: number;
  readonly windowCalls: number;
  /** From the opening (or the last probe) to the next probe. */
  readonly openMs: number;
}

/** What a call says about the endpoint. `neutral`: nothing (aborted by the caller). */
export type Judgement = 'success' | 'failure' | 'neutral';
export type CallEnd<T> = { readonly value: T } | { readonly error: unknown };

/** Not let through: the endpoint is left alone until `retryAfterMs` have passed. Nothing was sent. */
export class CircuitOpenError extends SparkError {
  readonly code = 'circuit_open';
  readonly retryAfterMs: number;

  constructor(endpoint: string, retryAfterMs: number) {
    super(`the circuit of ${endpoint} is open`, { fields: { endpoint, retryAfterMs } });
    this.retryAfterMs = retryAfterMs;
  }
}

export interface CircuitOptions {
  readonly endpoint: string;
  readonly clock: Clock;
  readonly limits: CircuitLimits;
  readonly onState?: ((state: CircuitState) => void) | undefined;
}

type State =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly probeAtMs: number }
  /** A probe is under way; it has until `nextProbeAtMs`, then another may look: one slow call must not hold up recovery. */
  | { readonly kind: 'half_open'; readonly probe: number; readonly nextProbeAtMs: number };

/**
 * One endpoint's circuit: closed → (failures) → open → (openMs) → half open, one probe at a time → closed or open again.
 *
 * cockatiel decides when it trips; the states are ours because cockatiel's own wait reads the wall clock, and a clock that jumps back
 * an hour would keep a circuit open for that hour.
 */
export class CircuitBreaker {
  readonly endpoint: string;
  readonly #clock: Clock;
  readonly #limits: CircuitLimits;
  readonly #onState: ((state: CircuitState) => void) | undefined;
  #trips: readonly IBreaker[];
  #state: State = { kind: 'closed' };
  #probes = 0;

  constructor({ endpoint, clock, limits, onState }: CircuitOptions) {
    this.endpoint = endpoint;
    this.#clock = clock;
    this.#limits = limits;
    this.#onState = onState;
    this.#trips = tripsOf(limits);
  }

  get state(): CircuitState {
    return this.#state.kind;
  }

  /** Runs `fn` unless the circuit is open. `judge` says what its end means; by default what throws is a failure, unless the caller aborted. */
  async execute<T>(
    fn: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    judge: (end: CallEnd<T>) => Judgement = (end) => ('error' in end ? 'failure' : 'success'),
  ): Promise<T> {
    const pass = this.#admit();
    let end: CallEnd<T>;
    try {
      end = { value: await fn(signal) };
    } catch (error) {
      end = { error };
    }
    this.#report(pass, 'error' in end && signal.aborted ? 'neutral' : judge(end));
    if ('error' in end) throw end.error;
    return end.value;
  }

  /** How long until a call would be let through; 0: now. */
  get waitMs(): number {
    const state = this.#state;
    if (state.kind === 'closed') return 0;
    const atMs = state.kind === 'open' ? state.probeAtMs : state.nextProbeAtMs;
    return Math.max(0, Math.ceil(atMs - this.#clock.monotonicMs()));
  }

  /** Lets a call through (as a probe: its number) or throws `CircuitOpenError`. */
  #admit(): number | undefined {
    if (this.#state.kind === 'closed') return undefined;
    if (this.waitMs > 0) throw new CircuitOpenError(this.endpoint, this.waitMs);
    const probe = ++this.#probes;
    this.#enter({ kind: 'half_open', probe, nextProbeAtMs: this.#inOpenMs() });
    return probe;
  }

  #report(pass: number | undefined, judgement: Judgement): void {
    const state = this.#state;
    if (state.kind === 'closed') this.#count(judgement);
    // Good news from whomever closes it; bad news of a call that began before it opened says nothing new.
    else if (judgement === 'success') this.#close();
    else if (state.kind === 'half_open' && pass === state.probe)
      this.#enter({
        kind: 'open',
        probeAtMs: judgement === 'failure' ? this.#inOpenMs() : this.#clock.monotonicMs(),
      });
  }

  #count(judgement: Judgement): void {
    if (judgement === 'neutral') return;
    if (judgement === 'success') {
      for (const trip of this.#trips) trip.success(CLOSED);
      return;
    }
    // Each counts, so no short-circuit.
    const tripped = this.#trips.map((trip) => trip.failure(CLOSED));
    if (tripped.includes(true)) this.#enter({ kind: 'open', probeAtMs: this.#inOpenMs() });
  }

  #close(): void {
    this.#trips = tripsOf(this.#limits);
    this.#enter({ kind: 'closed' });
  }

  #inOpenMs(): number {
    return this.#clock.monotonicMs() + this.#limits.openMs;
  }

  #enter(state: State): void {
    const changed = state.kind !== this.#state.kind;
    this.#state = state;
    if (changed) this.#onState?.(state.kind);
  }
}

/** cockatiel's `CircuitState.Closed`; its enum is not worth a value import. */
const CLOSED = 0;

const tripsOf = ({ consecutiveFailures, failureRatio, windowCalls }: CircuitLimits): readonly IBreaker[] => [
  new ConsecutiveBreaker(consecutiveFailures),
  new CountBreaker({ threshold: failureRatio, size: windowCalls }),
];

/** The gauge's value. */
export const CIRCUIT_LEVEL: Readonly<Record<CircuitState, number>> = { closed: 0, half_open: 1, open: 2 };

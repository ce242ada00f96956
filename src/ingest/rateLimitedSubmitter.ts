import type { CommandRequest } from '../commands/envelope.js';
import type { SubmitResult, Submitter } from '../http/ports.js';
import type { RateLimit } from '../resilience/rateLimit.js';

/** The way in with its rate limits: what is above them is refused item by item, the rest goes on together. */
export class RateLimitedSubmitter implements Submitter {
  readonly #inner: Submitter;
  readonly #limit: RateLimit;

  constructor(inner: Submitter, limit: RateLimit) {
    this.#inner = inner;
    this.#limit = limit;
  }

  async submit(requests: readonly CommandRequest[]): Promise<SubmitResult[]> {
    const refusals = requests.map((request) => this.#limit.take(request));
    if (refusals.every((refusal) => refusal === undefined)) return this.#inner.submit(requests);
    const passing = requests.filter((_, at) => refusals[at] === undefined);
    const results = passing.length === 0 ? [] : await this.#inner.submit(passing);
    let next = 0;
    return refusals.map((refusal): SubmitResult => {
      if (refusal) return { kind: 'rate_limited', ...refusal };
      return results[next++] ?? { kind: 'unavailable', retryAfterMs: 1_000, reason: 'not answered for' };
    });
  }
}

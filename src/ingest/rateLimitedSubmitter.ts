import type { CommandRequest } from '../commands/envelope.js';
import { NATS_ACTOR } from '../core/rateRules.js';
import type { BeforeStore, SubmitResult, Submitter } from '../http/ports.js';
import type { RateLimit } from '../resilience/rateLimit.js';

/**
 * The way in with its rate limits: what is above them is refused item by item, the rest goes on together. The limits of an actor count
 * the token a request came with: the name it gives itself (`actor`) is for the audit, and would be another one each time.
 */
export class RateLimitedSubmitter implements Submitter {
  readonly #inner: Submitter;
  readonly #limit: RateLimit;

  constructor(inner: Submitter, limit: RateLimit) {
    this.#inner = inner;
    this.#limit = limit;
  }

  async submit(requests: readonly CommandRequest[], beforeStore?: BeforeStore): Promise<SubmitResult[]> {
    const refusals = requests.map(({ sessionId, type, credential }) =>
      this.#limit.take({
        sessionId,
        type,
        actor: credential === undefined ? NATS_ACTOR : `http/${credential}`,
      }),
    );
    const passing = requests.filter((_, at) => refusals[at] === undefined).map(withoutCredential);
    const results = passing.length === 0 ? [] : await this.#inner.submit(passing, beforeStore);
    if (passing.length === requests.length) return results;
    let next = 0;
    return refusals.map((refusal): SubmitResult => {
      if (refusal) return { kind: 'rate_limited', ...refusal };
      return results[next++] ?? { kind: 'unavailable', retryAfterMs: 1_000, reason: 'not answered for' };
    });
  }
}

/** What is stored does not say which token it came with. */
function withoutCredential({ credential: _, ...request }: CommandRequest): CommandRequest {
  return request;
}

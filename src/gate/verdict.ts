import { SparkError } from '../core/errors.js';
import { StaleTokenError } from '../unity/fence.js';
import { FENCE_STORE_BROKEN, type FenceBound } from '../unity/fenceStore.js';
import { type Answer, STALE_TOKEN } from '../workers/editor.js';
import type { GateReply, Unanswered } from './gateExchange.js';

/** The gate cannot be asked just now. */
export class GateAwayError extends SparkError {
  readonly code = 'gate_away';
}

/** When a gate that is away is worth asking again. */
export const GATE_RETRY_MS = 500;

/** What the end of a call's request means for the call. */
export type Verdict =
  | { readonly kind: 'answered'; readonly value: unknown }
  /** Certainly not let through: the gate is away or has refused the request. */
  | { readonly kind: 'not_begun'; readonly answer: Answer }
  /** A newer owner has called. */
  | { readonly kind: 'stale'; readonly error: StaleTokenError }
  /** Refused for a reservation of an earlier gate process, which is gone: the same owner may go on above it. */
  | { readonly kind: 'spent'; readonly bound: FenceBound }
  /** Perhaps let through, perhaps still to be. */
  | { readonly kind: 'lost'; readonly reason: string };

/** Requests that are the same however often they are sent: another status means that the gate takes none just now. */
const WRONG_REQUEST = new Set([400, 404, 411, 413]);

export function verdictOf(reply: GateReply): Verdict {
  switch (reply.kind) {
    case 'result':
      return { kind: 'answered', value: reply.value };
    case 'lost':
      return { kind: 'lost', reason: whyOf(reply) };
    case 'unreachable':
      return notBegun(reply);
    case 'refused': {
      if (!WRONG_REQUEST.has(reply.status)) return notBegun(reply);
      return { kind: 'not_begun', answer: { kind: 'refused', code: reply.code, message: whyOf(reply) } };
    }
    case 'failure': {
      const { code, message, spent = false, bound } = reply.failure;
      if (code === FENCE_STORE_BROKEN) return notBegun(reply);
      if (code !== STALE_TOKEN || !bound) return { kind: 'lost', reason: whyOf(reply) };
      return spent
        ? { kind: 'spent', bound }
        : { kind: 'stale', error: new StaleTokenError(message, { spent, bound }) };
    }
  }
}

const notBegun = (reply: Unanswered): Verdict => ({
  kind: 'not_begun',
  answer: awayFrom(reply),
});

/** For reads: whatever came between, they are asked again. */
export function awayFrom(reply: Unanswered): {
  readonly kind: 'away';
  readonly state: 'away';
  readonly reason: string;
  readonly retryAfterMs: number;
} {
  return { kind: 'away', state: 'away', reason: whyOf(reply), retryAfterMs: GATE_RETRY_MS };
}

/** For people. */
export function whyOf(reply: Unanswered): string {
  switch (reply.kind) {
    case 'lost':
      return `the answer of the gate was lost: ${reply.reason}`;
    case 'unreachable':
      return `the gate cannot be reached: ${reply.reason}`;
    case 'refused':
      return `the gate refused the request (${reply.status}): ${reply.message}`;
    case 'failure':
      return `the gate failed: ${reply.failure.message}`;
  }
}

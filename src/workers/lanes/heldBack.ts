import { NATS_ACTOR } from '../../core/rateRules.js';
import type { Task, Verdict } from './task.js';

/** The rate limits, as ingest applies them; served by src/resilience. */
export interface RateGate {
  take(command: { readonly actor: string; readonly sessionId: string; readonly type: string }):
    | {
        readonly limit: string;
        readonly count: number;
        readonly windowSeconds: number;
        readonly retryAfterMs: number;
      }
    | undefined;
}

/**
 * What was published past ingest meets its rate limits here: it waits, with its session, and is not lost; no attempt is spent. What
 * ingest has let through, and what has started, passes.
 */
export function heldBack(task: Task, rate: RateGate | undefined): Verdict | undefined {
  if (!rate || task.command.via === 'ingest' || task.started || task.ratePassed) return undefined;
  const refusal = rate.take({
    actor: NATS_ACTOR,
    sessionId: task.command.sessionId,
    type: task.command.type,
  });
  if (!refusal) {
    task.ratePassed = true;
    return undefined;
  }
  const { limit, count, windowSeconds, retryAfterMs } = refusal;
  const reason = `the rate limit "${limit}" of ${count} commands in ${windowSeconds} s`;
  task.lastError = reason;
  return { kind: 'retry', reason, afterMs: retryAfterMs };
}

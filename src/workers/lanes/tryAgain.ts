import type { ExecuteContext } from '../execute/executeContext.js';
import { backoffMs } from './backoff.js';
import type { Task, Verdict } from './task.js';

/** After a failed attempt that changed nothing: again after backoff, or the end when the attempts are spent. */
export function tryAgain(task: Task, reason: string, context: ExecuteContext, hintMs: number): Verdict {
  task.lastError = reason;
  if (task.attempts >= context.retry.maxAttempts)
    return {
      kind: 'failed',
      outcome: 'failed',
      error: { code: 'attempts_exhausted', message: `gave up after ${task.attempts} attempts: ${reason}` },
      exhausted: true,
    };
  return {
    kind: 'retry',
    reason,
    afterMs: backoffMs(task.attempts, context.retry, context.random(), hintMs),
  };
}

import { definitionOf, type EffectClass } from '../../commands/catalogue.js';
import { SparkError } from '../../core/errors.js';
import type { CancelRequest } from '../ports.js';
import type { FinalVerdict, Task } from './task.js';

/** Thrown where a command that somebody has cancelled would begin to take effect. */
export class CancelledError extends SparkError {
  readonly code = 'cancelled';
  constructor() {
    super('the command was cancelled');
  }
}

/** What may be dropped in the middle: it changes nothing, or asks only services. */
const HARMLESS: ReadonlySet<EffectClass> = new Set(['preview', 'inspect', 'job_status', 'service']);

/** What is called at most once: until that call may have been taken, there is nothing to look for. */
const CALLED_ONCE: ReadonlySet<EffectClass> = new Set(['job', 'opaque']);

const isOneOf = (effects: ReadonlySet<EffectClass>, { command }: Task): boolean => {
  const effect = definitionOf(command.type)?.effect;
  return effect !== undefined && effects.has(effect);
};

export const isHarmless = (task: Task): boolean => isOneOf(HARMLESS, task);

/** Whether it can end as cancelled without a look at the editor: nothing that it may have changed. */
export const mayCancel = (task: Task): boolean =>
  task.started === undefined || isHarmless(task) || (isOneOf(CALLED_ONCE, task) && !task.mayHaveRun);

export function cancelledBy({ actor, reason }: CancelRequest): FinalVerdict {
  return {
    kind: 'failed',
    outcome: 'cancelled',
    error: {
      code: 'cancelled',
      message: `cancelled by ${actor}${reason === null ? '' : `: ${reason}`}`,
      actor,
      reason,
    },
  };
}

/** Wishes for commands that this worker has not been given yet; the oldest go first beyond this many. */
const REMEMBERED = 100_000;

/** Wishes whose command may still come: delivered later, or parked and fetched later. */
export class PendingCancels {
  readonly #requests = new Map<string, CancelRequest>();

  get size(): number {
    return this.#requests.size;
  }

  remember(request: CancelRequest): void {
    this.#requests.set(request.commandId, request);
    if (this.#requests.size <= REMEMBERED) return;
    for (const oldest of this.#requests.keys()) {
      this.#requests.delete(oldest);
      return;
    }
  }

  take(commandId: string): CancelRequest | undefined {
    const request = this.#requests.get(commandId);
    if (request) this.#requests.delete(commandId);
    return request;
  }
}

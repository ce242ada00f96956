import type { CompletedEvent, FailedEvent } from '../../events/event.js';
import { type CommandState, stateAfter } from '../../events/outcome.js';

export interface RecentEnd {
  readonly state: CommandState;
  readonly attempts: number;
  readonly outcome: { readonly result?: unknown; readonly error?: unknown };
}

/** Enough for those who ask right after the end; whoever comes later finds it in the read models. */
const KEPT = 10_000;

/** Ends that are stored and may not be projected yet: what status questions are answered from. */
export class RecentEnds {
  readonly #ends = new Map<string, RecentEnd>();

  record(event: CompletedEvent | FailedEvent): void {
    const outcome = event.kind === 'completed' ? { result: event.result } : { error: event.error };
    this.#ends.set(event.commandId, { state: stateAfter(event), attempts: event.attempts, outcome });
    if (this.#ends.size <= KEPT) return;
    for (const oldest of this.#ends.keys()) {
      this.#ends.delete(oldest);
      return;
    }
  }

  find(commandId: string): RecentEnd | undefined {
    return this.#ends.get(commandId);
  }
}

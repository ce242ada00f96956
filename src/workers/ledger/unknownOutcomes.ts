import type { FailedEvent, SparkEvent } from '../../events/event.js';

/** Who reconciles does so soon; older ones can still be read, no more be noted. */
const KEPT = 10_000;

export interface UnknownOutcome {
  readonly end: FailedEvent;
  readonly reconciled: boolean;
}

/** Commands whose outcome is unknown, by id, and whether somebody has said what became of them: a fold of the log. */
export class UnknownOutcomes {
  readonly #outcomes = new Map<string, UnknownOutcome>();

  apply(event: SparkEvent): void {
    if (event.kind === 'failed' && event.outcome === 'outcome_unknown') {
      if (this.#outcomes.has(event.commandId)) return;
      this.#outcomes.set(event.commandId, { end: event, reconciled: false });
      for (const oldest of this.#outcomes.keys()) {
        if (this.#outcomes.size <= KEPT) return;
        this.#outcomes.delete(oldest);
      }
    }
    if (event.kind === 'noted' && event.note.kind === 'reconciled') {
      const known = this.#outcomes.get(event.commandId);
      if (known) this.#outcomes.set(event.commandId, { ...known, reconciled: true });
    }
  }

  find(commandId: string): UnknownOutcome | undefined {
    return this.#outcomes.get(commandId);
  }
}

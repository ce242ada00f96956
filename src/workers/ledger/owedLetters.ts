import type { CommandPosition } from '../../commands/envelope.js';
import type { FailedEvent } from '../../events/event.js';

type Place = Pick<CommandPosition, 'seq' | 'index'>;
const placeOf = ({ seq, index }: Place): string => `${seq}.${index}`;

/** Only messages that come again can ask, and those are at most as many as may be unacknowledged. */
const KEPT = 10_000;

/** Ends of exhausted commands whose dead letter may not be stored: a worker may die between the two. */
export class OwedLetters {
  readonly #ends = new Map<string, FailedEvent>();

  owe(end: FailedEvent): void {
    this.#ends.set(placeOf(end.position), end);
    if (this.#ends.size <= KEPT) return;
    for (const oldest of this.#ends.keys()) {
      this.#ends.delete(oldest);
      return;
    }
  }

  get(place: Place): FailedEvent | undefined {
    return this.#ends.get(placeOf(place));
  }

  paid(place: Place): void {
    this.#ends.delete(placeOf(place));
  }
}

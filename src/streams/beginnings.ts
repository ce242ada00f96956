import { LRUCache } from 'lru-cache';
import { type LoggedEvent, streamTimeOf } from '../events/event.js';
import type { CommandBeginning } from '../http/ports.js';

/** Whoever waits for an end asks within a minute; about 300 bytes each. */
const REMEMBERED = 20_000;

/** How the newest commands began: an end does not repeat it, and the read models may not have it yet. */
export class Beginnings {
  readonly #known = new LRUCache<string, CommandBeginning>({ max: REMEMBERED });

  see(logged: LoggedEvent): void {
    const { event } = logged;
    if (event.kind === 'noted' || event.kind === 'completed' || !event.envelope) return;
    // The read model keeps the first, too.
    if (this.#known.has(event.commandId)) return;
    const { type, actor, idempotencyKey, acceptedAt } = event.envelope;
    const startedAt = event.kind === 'started' ? streamTimeOf(logged) : null;
    this.#known.set(event.commandId, { type, actor, idempotencyKey, acceptedAt, startedAt });
  }

  of(commandId: string): CommandBeginning | undefined {
    return this.#known.get(commandId);
  }
}

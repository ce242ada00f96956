import type { Command } from '../commands/envelope.js';
import type { Claim } from './admission.js';

/**
 * Commands this worker has taken and not started, by command id: in memory or parked. Their claim is not in the log yet, so a second
 * publish of the same key meets it here. At most as many as the backlog may hold.
 */
export class Claims {
  readonly #claims = new Map<string, Claim & { parked: boolean }>();

  get size(): number {
    return this.#claims.size;
  }

  find(commandId: string): (Claim & { readonly parked: boolean }) | undefined {
    return this.#claims.get(commandId);
  }

  hold({ commandId, payloadSha, position }: Command): void {
    this.#claims.set(commandId, { payloadSha, seq: position.seq, index: position.index, parked: false });
  }

  parked(commandId: string): void {
    const claim = this.#claims.get(commandId);
    if (claim) claim.parked = true;
  }

  release(commandId: string): void {
    this.#claims.delete(commandId);
  }
}
